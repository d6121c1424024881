import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { app, shell } from 'electron';
import type { ProjectFile } from '../src/app/projectFiles.js';
import type { Logger } from './logs.js';
import { isAppUrl } from './origin.js';

/** Address of a report's page: project, report. */
const REPORT_PAGE = /^\/api\/report\/([0-9a-f]{16})\/([0-9A-Za-z][0-9A-Za-z-]{0,80})\/report\.html$/;

/**
 * Shows a report in the user's browser, where it can be printed and kept: a report is a page of its own, and the window shows
 * no page but ours. A copy is opened, so that the browser needs no way into the project.
 *
 * @returns whether the URL is that of a report
 */
export function openReport(
  url: string,
  readFile: (pathname: string) => Promise<ProjectFile | null>,
  log: Logger,
): boolean {
  const pathname = isAppUrl(url) ? new URL(url).pathname : '';
  const [, project, report] = REPORT_PAGE.exec(pathname) ?? [];
  if (project === undefined || report === undefined) return false;
  copyAndOpen(`${project}-${report}.html`, () => readFile(pathname)).catch((error: unknown) => {
    log.error({ error, url }, 'the report could not be opened');
  });
  return true;
}

async function copyAndOpen(name: string, read: () => Promise<ProjectFile | null>): Promise<void> {
  const file = await read();
  if (file === null) throw new Error('there is no such report');
  const folder = join(app.getPath('temp'), 'stepadapt-reports');
  const path = join(folder, basename(name));
  await mkdir(folder, { recursive: true });
  await writeFile(path, file.bytes);
  const problem = await shell.openPath(path);
  if (problem !== '') throw new Error(problem);
}
