import type { BrowserWindow } from 'electron';

/** Work as the dock or taskbar shows it; `fraction` is 0..1, or null while it is not known. */
export type WorkProgress =
  { readonly state: 'idle' | 'paused' | 'failed' } | { readonly state: 'running'; readonly fraction: number | null };

const NO_BAR = -1;
const WHOLE_BAR = 1;
const UNKNOWN = 2;

/** Shows progress on the window's button in the dock or taskbar, where the desktop has such a thing. */
export function showProgress(window: BrowserWindow | null, progress: WorkProgress): void {
  if (window === null) return;
  switch (progress.state) {
    case 'idle':
      return window.setProgressBar(NO_BAR);
    case 'paused':
      return window.setProgressBar(WHOLE_BAR, { mode: 'paused' });
    case 'failed':
      return window.setProgressBar(WHOLE_BAR, { mode: 'error' });
    case 'running':
      return progress.fraction === null
        ? window.setProgressBar(UNKNOWN, { mode: 'indeterminate' })
        : window.setProgressBar(progress.fraction, { mode: 'normal' });
  }
}
