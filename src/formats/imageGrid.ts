import { encodePng } from './images.js';
import { bytesFromImages } from './pixels.js';

export interface GridOptions {
  /** Images per row. */
  readonly columns: number;
  /** Integer enlargement by nearest neighbour; 1 keeps pixels as they are. */
  readonly scale?: number;
}

export interface GridShape {
  readonly count: number;
  readonly size: number;
  readonly channels: 1 | 3;
}

const SEPARATOR = 1;
const BACKGROUND = 255;

/**
 * Draws images side by side, row by row, as one PNG with white lines of one pixel between and around them.
 *
 * @param images (count, size, size, channels) in [-1, 1]
 */
export function encodeImageGrid(images: Float32Array, shape: GridShape, options: GridOptions): Promise<Buffer> {
  return encodePixelGrid(bytesFromImages(images), shape, options);
}

/** The same of bytes, (count, size, size, channels). */
export async function encodePixelGrid(
  bytes: Uint8Array,
  { count, size, channels }: GridShape,
  { columns, scale = 1 }: GridOptions,
): Promise<Buffer> {
  if (bytes.length !== count * size * size * channels) {
    throw new RangeError(`${bytes.length} values are not ${count} images of ${size} x ${size} x ${channels}`);
  }
  const usedColumns = Math.min(columns, Math.max(1, count));
  const cell = size * scale + SEPARATOR;
  const width = usedColumns * cell + SEPARATOR;
  const height = Math.ceil(count / usedColumns) * cell + SEPARATOR;
  const canvas = new Uint8Array(width * height * channels).fill(BACKGROUND);
  for (let image = 0; image < count; image++) {
    const left = (image % usedColumns) * cell + SEPARATOR;
    const top = Math.floor(image / usedColumns) * cell + SEPARATOR;
    for (let y = 0; y < size * scale; y++) {
      const row = (image * size + Math.floor(y / scale)) * size;
      for (let x = 0; x < size * scale; x++) {
        const from = (row + Math.floor(x / scale)) * channels;
        const to = ((top + y) * width + left + x) * channels;
        for (let channel = 0; channel < channels; channel++) canvas[to + channel] = bytes[from + channel];
      }
    }
  }
  return encodePng(canvas, { width, height: Math.max(height, SEPARATOR), channels });
}
