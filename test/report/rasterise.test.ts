import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { findChromium } from '../../src/report/printPdf.js';
import { rasterise } from '../../src/report/rasterise.js';

it('figures are drawn at the width asked for, on white', async () => {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" width="72" height="36"><rect width="36" height="36" fill="#f00"/></svg>';
  const { data, info } = await sharp(await rasterise(svg, 1440))
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, info.channels]).toEqual([1440, 720, 3]);
  // The edge at half the width is sharp: drawn at this size, not scaled up from 72 pixels.
  expect([...data.subarray(718 * 3, 719 * 3), ...data.subarray(721 * 3, 722 * 3)]).toEqual([255, 0, 0, 255, 255, 255]);
});

it('Chromium is found where CHROME_PATH says or on the path', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'stepadapt-chromium-'));
  const path = join(folder, 'chromium');
  await writeFile(path, '');
  expect(await findChromium({ PATH: folder })).toBe(path);
  expect(await findChromium({ CHROME_PATH: path, PATH: '' })).toBe(path);
  await rm(folder, { recursive: true });
});
