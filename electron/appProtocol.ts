import { readFile, realpath } from 'node:fs/promises';
import { extname, isAbsolute, join, relative, sep } from 'node:path';
import { protocol, type Session } from 'electron';
import type { ProjectFile } from '../src/app/projectFiles.js';
import type { Logger } from './logs.js';
import { APP_SCHEME, isAppUrl } from './origin.js';

/** Only what the page needs: nothing inline, nothing evaluated, nothing from elsewhere. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The kinds of file that are served. A file of any other kind does not exist for the page. */
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.csv': 'text/csv; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

export interface AppFiles {
  /** Folder of the built page. */
  readonly page: string;
  /** The project file at an address below `/api/`, or null. */
  readonly projectFile: (pathname: string) => Promise<ProjectFile | null>;
}

/** Makes `app:` a scheme with an origin, storage and fetch. Must run before Electron is ready. */
export function registerAppScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: APP_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } },
  ]);
}

/** Serves the page, and the projects' files by id, to one session: GET of our host, and nothing else. */
export function serveApp(session: Session, files: AppFiles, log: Logger): void {
  session.protocol.handle(APP_SCHEME, async (request) => {
    if (request.method !== 'GET') return refusal(405, 'only GET');
    if (!isAppUrl(request.url)) return refusal(404, 'no such host');
    try {
      const { pathname } = new URL(request.url);
      const file = pathname.startsWith('/api/')
        ? await files.projectFile(pathname)
        : await pageFile(files.page, decodeURIComponent(pathname));
      const type = file === null ? undefined : CONTENT_TYPES[extname(file.name).toLowerCase()];
      if (file !== null && type !== undefined) return answer(file, type);
    } catch (error) {
      log.warn({ error, url: request.url }, 'a file could not be served');
    }
    return refusal(404, 'not found');
  });
}

/** A file of the page. Links are resolved before it is decided whether the file lies inside the folder. */
async function pageFile(folder: string, path: string): Promise<ProjectFile | null> {
  const root = await realpath(folder);
  const file = await realpath(join(root, path === '/' ? 'index.html' : path));
  const inside = relative(root, file);
  if (inside === '' || inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside)) return null;
  return { name: file, bytes: await readFile(file), isDownload: false };
}

function answer({ name, bytes, isDownload }: ProjectFile, type: string): Response {
  const headers = new Headers({
    'content-type': type,
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  });
  if (isDownload) headers.set('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(name)}`);
  return new Response(new Uint8Array(bytes), { headers });
}

function refusal(status: number, reason: string): Response {
  return new Response(reason, {
    status,
    headers: { 'content-type': 'text/plain', 'x-content-type-options': 'nosniff' },
  });
}
