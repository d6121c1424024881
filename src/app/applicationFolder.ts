import { homedir } from 'node:os';
import { join } from 'node:path';

/** Folder of the application's own files outside the desktop: settings, known projects, queue. `STEPADAPT_HOME` replaces it. */
export function applicationFolder(): string {
  const { STEPADAPT_HOME, XDG_DATA_HOME, APPDATA } = process.env;
  if (STEPADAPT_HOME) return STEPADAPT_HOME;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'stepadapt-studio');
  if (process.platform === 'win32') return join(APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'stepadapt-studio');
  return join(XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'stepadapt-studio');
}
