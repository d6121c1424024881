import { spawn } from 'node:child_process';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { failure, inputError } from '../contract/errors.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge', 'chrome.exe'];
const USUAL_PLACES = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
  'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
];
const TIME_LIMIT_MS = 120_000;

/** A Chromium on this machine: `CHROME_PATH`, on the path, or in a usual place; null when there is none. */
export async function findChromium(environment: NodeJS.ProcessEnv = process.env): Promise<string | null> {
  const onPath = (environment['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .flatMap((folder) => NAMES.map((name) => join(folder, name)));
  const given = environment['CHROME_PATH'];
  for (const candidate of [...(given ? [given] : []), ...onPath, ...USUAL_PLACES]) {
    const isThere = await access(candidate).then(
      () => true,
      () => false,
    );
    if (isThere) return candidate;
  }
  return null;
}

/**
 * Prints a page of this machine to a PDF file.
 * @throws input error `CHROMIUM_MISSING`, failure `PDF_FAILED`
 */
export async function printPdf(page: string, pdf: string): Promise<void> {
  const browser = await findChromium();
  if (browser === null) {
    throw inputError(
      'CHROMIUM_MISSING',
      'a PDF is printed by Chromium or Chrome, and none was found',
      'install one, name it in CHROME_PATH, or print report.html from your browser',
    );
  }
  const profile = await mkdtemp(join(tmpdir(), 'stepadapt-print-'));
  try {
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const settings = ['--headless', '--disable-gpu', '--no-pdf-header-footer', `--user-data-dir=${profile}`];
    await run(browser, [...settings, ...sandbox, `--print-to-pdf=${pdf}`, pathToFileURL(page).href]);
    await access(pdf);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw failure('PDF_FAILED', `${browser} did not print ${page}: ${reason}`, 'print report.html from your browser', {
      cause,
    });
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  }
}

function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'ignore', timeout: TIME_LIMIT_MS });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`it ended with ${signal ?? code}`));
    });
  });
}
