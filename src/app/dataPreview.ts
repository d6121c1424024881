import type { DataConfig } from '../contract/config.js';
import type { Dataset } from '../data/dataset.js';
import { loadDataset } from '../data/loadDataset.js';
import { encodePixelGrid } from '../formats/imageGrid.js';

/** Images that a window shows of the data: enough to see what it is. */
const SHOWN = 24;
const COLUMNS = SHOWN;
/** Small images are enlarged to about this many pixels a side. */
const SHOWN_SIZE = 40;

/**
 * The first images of an experiment's data as it will be trained on: cut to its size and channels. Nothing is downloaded.
 * @throws what `loadDataset` throws; `DATA_NOT_HERE`
 */
export function readPreview(data: DataConfig): Promise<Dataset> {
  return loadDataset({ ...data, count: Math.min(SHOWN, data.count ?? SHOWN) }, { offline: true });
}

/** The preview as one PNG. */
export async function drawPreview(data: DataConfig): Promise<Buffer> {
  const { pixels, count, size, channels } = await readPreview(data);
  const scale = Math.max(1, Math.round(SHOWN_SIZE / size));
  return encodePixelGrid(pixels, { count, size, channels }, { columns: COLUMNS, scale });
}
