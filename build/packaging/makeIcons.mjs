// Draws build/icons/icon.svg as the PNG files that packages need: `npm run icons` after the drawing changed.
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'icons');
const drawing = readFileSync(join(folder, 'icon.svg'));

/** Sizes of the freedesktop icon theme, named as electron-builder reads them. */
const LINUX_SIZES = [16, 32, 48, 64, 128, 256, 512];

/**
 * @param {number} size pixels
 * @param {string} path
 */
async function draw(size, path) {
  await sharp(drawing, { density: (72 * size) / 512 })
    .resize(size, size)
    .png({ compressionLevel: 9 })
    .toFile(path);
}

mkdirSync(join(folder, 'png'), { recursive: true });
for (const size of LINUX_SIZES) await draw(size, join(folder, 'png', `${size}x${size}.png`));
// Windows' and macOS' own formats are made from this one.
await draw(1024, join(folder, 'icon.png'));
