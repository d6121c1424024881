import { vi } from 'vitest';

/** Waits until a check holds: long enough for a machine that is busy with other things, short of the test's own limit. */
export function eventually(check: () => void): Promise<void> {
  return vi.waitFor(check, { timeout: 120_000 });
}
