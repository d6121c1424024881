import { cp, mkdir, readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { test } from 'vitest';
import { runCli } from '../cli/runCli.js';
import { openProject, openStudio } from './studio.js';

/**
 * Pictures of every place, in both themes and two sizes, and those of the documents (`docs/`): `npm run screenshots`. They show
 * a small real run that is made for them, or a copy of the finished project that `PROJECT` names.
 */

const SIZES = [
  { width: 1280, height: 800 },
  { width: 1920, height: 1080 },
] as const;
/** Each place with a heading that is there once its content is. */
const PLACES = {
  Start: 'Recent projects',
  Design: 'Difficulty and groups',
  Run: 'Loss by timestep',
  Experts: 'Held-out loss',
  Results: 'Comparison',
  Settings: 'Engines',
} as const;
type Place = keyof typeof PLACES;
const DOCUMENTS: readonly Place[] = ['Design', 'Run', 'Experts', 'Results'];
const TARGET = resolve(process.env['SCREENSHOTS'] ?? 'test-results/screenshots');
const SETTINGS = ['base.steps=300', 'base.sampleEvery=50', 'experts.steps=60', 'evaluation.samples=128'];

declare const requestAnimationFrame: (callback: (time: number) => void) => void;

test('pictures of every place', { timeout: 900_000 }, async () => {
  await mkdir(join(TARGET, 'docs'), { recursive: true });
  const studio = await openStudio();
  try {
    const { page, folder } = studio;
    const project = await finishedProject(folder);
    await openProject(page, project);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const size of SIZES) {
        await page.setViewportSize(size);
        for (const place of Object.keys(PLACES) as Place[]) {
          await show(page, place);
          await page.screenshot({ path: join(TARGET, `${place.toLowerCase()}-${colorScheme}-${size.width}.png`) });
        }
      }
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 1600, height: 1000 });
    for (const place of DOCUMENTS) {
      await show(page, place);
      await nameFolder(page, folder, '/home/ada/experiments');
      await page.screenshot({ path: join(TARGET, 'docs', `${place.toLowerCase()}.png`) });
    }
    await takeReport(page, project);
  } finally {
    await studio.close();
  }
});

/** A finished run in the folder that the host may read. */
async function finishedProject(folder: string): Promise<string> {
  const given = process.env['PROJECT'];
  if (given !== undefined) {
    const copy = join(folder, basename(resolve(given)));
    await cp(given, copy, { recursive: true, preserveTimestamps: true });
    return copy;
  }
  const project = join(folder, 'coloured shapes');
  await runCli(['new', project, '--preset', 'shapes-tiny', ...SETTINGS.flatMap((setting) => ['--set', setting])]);
  const run = await runCli(['run', project]);
  if (run.code !== 0) throw new Error(run.stderr);
  return project;
}

/** Opens a place and waits until it is drawn. */
async function show(page: Page, place: Place): Promise<void> {
  await page.getByRole('link', { name: place, exact: true }).click();
  await page.getByRole('heading', { name: PLACES[place] }).first().waitFor();
  await page.waitForLoadState('networkidle');
  await page.mouse.move((page.viewportSize()?.width ?? 0) / 2, 1);
  // Two frames: charts follow the size of their frame in the one after it.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** Writes another name over that of the temporary folder. */
async function nameFolder(page: Page, folder: string, name: string): Promise<void> {
  const places = page.getByText(folder);
  for (const place of await places.all()) {
    await place.evaluate(
      (element, names) => {
        element.textContent = (element.textContent ?? '').replace(names[0], names[1]);
      },
      [folder, name] as const,
    );
  }
}

/** The first screen of the newest report. */
async function takeReport(page: Page, project: string): Promise<void> {
  const newest = (await readdir(join(project, 'reports'))).sort().at(-1);
  if (newest === undefined) return;
  const report = await page.context().newPage();
  await report.setViewportSize({ width: 1000, height: 1250 });
  await report.goto(pathToFileURL(join(project, 'reports', newest, 'report.html')).href);
  await report.screenshot({ path: join(TARGET, 'docs', 'report.png') });
  await report.close();
}
