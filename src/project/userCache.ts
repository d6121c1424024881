import { homedir } from 'node:os';
import { join } from 'node:path';

/** The program's folder below the system's place for caches: everything in it can be had again. */
export function userCacheFolder(): string {
  return join(systemCacheFolder(), 'stepadapt-studio');
}

function systemCacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (XDG_CACHE_HOME) return XDG_CACHE_HOME;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches');
  if (process.platform === 'win32') return LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local');
  return join(homedir(), '.cache');
}
