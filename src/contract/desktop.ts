import { z } from 'zod';
import type { AppTransport, CommandParams } from './api.js';

/** What the desktop host adds to the application API. */
export const desktopCommands = {
  /** The system's dialog for opening a project file; its path, or null when the dialog was cancelled. */
  'desktop.chooseProject': { params: z.strictObject({}), result: z.string().nullable() },
} as const satisfies Record<string, { params: z.ZodType; result: z.ZodType }>;

/**
 * `window.stepadapt` in the desktop window; absent in a browser. Listeners receive values, never events, and stay until the
 * returned function is called. A page with unsaved changes cancels `beforeunload` as it would in a browser; the host then asks.
 */
export interface DesktopBridge extends AppTransport {
  /** The system's dialog for opening a project; null when it was cancelled. */
  chooseProject(): Promise<string | null>;
  /**
   * The user asked for a project outside the page: menu, double click, dock, second start, or a file dropped on the window.
   * Those that came before the first listener are waiting for it.
   */
  onOpenProject(listener: (project: CommandParams<'projects.open'>) => void): () => void;
}
