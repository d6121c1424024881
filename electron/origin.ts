/** Where the window's page lives. A scheme of our own has storage, fetch and a security policy; `file:` would have none. */
export const APP_SCHEME = 'app';
const APP_HOST = 'stepadapt';
export const APP_PAGE = `${APP_SCHEME}://${APP_HOST}/`;

/** Whether a URL belongs to our page's origin. It is parsed, because a prefix would also match `app://stepadapt.example/`. */
export function isAppUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.protocol === `${APP_SCHEME}:` && url.host === APP_HOST && url.username === '' && url.password === '';
}
