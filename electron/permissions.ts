import type { Session } from 'electron';
import { isAppUrl } from './origin.js';
import type { Logger } from './logs.js';

/** What the page may do beyond drawing itself, each with its reason. Everything else is refused; Electron's default is to grant. */
const GRANTED: Readonly<Record<string, string>> = {
  'clipboard-sanitized-write': 'charts, tables and error details are copied with one click',
};

/** Refuses every permission that is not in the table, and the table's own to any origin but ours. */
export function restrictPermissions(session: Session, log: Logger): void {
  const isGranted = (permission: string, origin: string) => Object.hasOwn(GRANTED, permission) && isAppUrl(origin);

  session.setPermissionCheckHandler((_contents, permission, origin) => isGranted(permission, origin));
  session.setPermissionRequestHandler((_contents, permission, answer, details) => {
    const granted = isGranted(permission, details.requestingUrl);
    if (!granted) log.warn({ permission, url: details.requestingUrl }, 'permission refused');
    answer(granted);
  });
  session.setDevicePermissionHandler(() => false);
}
