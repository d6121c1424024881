import { app, shell, type WebContents } from 'electron';
import type { Logger } from './logs.js';

/** Sites the window may hand to the user's browser, each with its reason. */
const EXTERNAL_HOSTS: Readonly<Record<string, string>> = {
  'arxiv.org': 'the papers behind each method',
  'doi.org': 'published versions of the papers',
};

/** Whether a link may leave the app: https, a listed host, nothing hidden in front of the host. */
export function isExternalLinkAllowed(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const plain = url.username === '' && url.password === '' && url.port === '';
  return url.protocol === 'https:' && plain && Object.hasOwn(EXTERNAL_HOSTS, url.hostname);
}

/** Opens an allowed link in the user's browser; others are logged and dropped. */
export function openExternalLink(url: string, log: Logger): void {
  if (!isExternalLinkAllowed(url)) {
    log.warn({ url }, 'external link refused');
    return;
  }
  shell.openExternal(url).catch((error: unknown) => log.warn({ url, error }, 'external link could not be opened'));
}

/**
 * Keeps every page of the app where it is: no navigation, no redirect, no new window, no embedded page.
 * @param openReport is asked first about a URL that wants a new window; true if it took care of it
 */
export function confineNavigation(openReport: (url: string) => boolean, log: Logger): void {
  app.on('web-contents-created', (_event, contents) => confine(contents, openReport, log));
}

function confine(contents: WebContents, openReport: (url: string) => boolean, log: Logger): void {
  contents.on('will-frame-navigate', (event) => {
    event.preventDefault();
    log.warn({ url: event.url }, 'navigation refused');
  });
  contents.on('will-redirect', (event) => {
    event.preventDefault();
    log.warn({ url: event.url }, 'redirect refused');
  });
  contents.on('will-attach-webview', (event) => {
    event.preventDefault();
    log.warn('embedded page refused');
  });
  contents.setWindowOpenHandler(({ url }) => {
    if (!openReport(url)) openExternalLink(url, log);
    return { action: 'deny' };
  });
}
