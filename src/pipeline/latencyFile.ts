import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { latencyTableSchema, type LatencyTable } from '../contract/results.js';
import type { StageStore } from './stageStore.js';

export const LATENCY_FILE = 'latency.json';

/** The times that the latency stage recorded. */
export async function readLatencyTable(store: StageStore): Promise<LatencyTable> {
  const text = await readFile(join(store.folder('latency'), LATENCY_FILE), 'utf8');
  return latencyTableSchema.parse(JSON.parse(text));
}
