import { rm } from 'node:fs/promises';

/**
 * Removes a test's folder after what writes into it has ended. A file system may still settle at that moment (a lock that is
 * given back, a scanner on Windows), so a folder that is not empty is tried again.
 */
export function removeFolder(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
