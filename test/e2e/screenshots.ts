import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { test } from 'vitest';
import { runCli } from '../cli/runCli.js';
import { openProject, openStudio } from './studio.js';

/** Pictures of every place, in both themes and two sizes, of a small real run: `npm run screenshots`. */

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
const TARGET = resolve(process.env['SCREENSHOTS'] ?? 'test-results/screenshots');
const SETTINGS = ['base.steps=300', 'base.sampleEvery=50', 'experts.steps=60', 'evaluation.samples=128'];

declare const requestAnimationFrame: (callback: (time: number) => void) => void;

test('pictures of every place', { timeout: 900_000 }, async () => {
  await mkdir(TARGET, { recursive: true });
  const studio = await openStudio();
  try {
    const { page, folder } = studio;
    const project = join(folder, 'coloured shapes');
    await runCli(['new', project, '--preset', 'shapes-tiny', ...SETTINGS.flatMap((setting) => ['--set', setting])]);
    const run = await runCli(['run', project]);
    if (run.code !== 0) throw new Error(run.stderr);
    await openProject(page, project);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const size of SIZES) {
        await page.setViewportSize(size);
        for (const [place, heading] of Object.entries(PLACES)) {
          await page.getByRole('link', { name: place, exact: true }).click();
          await page.getByRole('heading', { name: heading }).first().waitFor();
          await page.waitForLoadState('networkidle');
          await page.mouse.move(size.width / 2, 1);
          // Two frames: charts follow the size of their frame in the one after it.
          await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
          await page.screenshot({ path: join(TARGET, `${place.toLowerCase()}-${colorScheme}-${size.width}.png`) });
        }
      }
    }
  } finally {
    await studio.close();
  }
});
