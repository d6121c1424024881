import { createHash } from 'node:crypto';
import type { Stage } from './stage.js';

/** Raised when the meaning of stored results changes, so that older ones are computed again. */
const RESULTS_VERSION = 1;

/** SHA-256 of everything that decides each stage's result, by stage id. Stages must be in order. */
export function inputHashes(stages: readonly Stage[]): ReadonlyMap<string, string> {
  const hashes = new Map<string, string>();
  for (const stage of stages) {
    const upstream = stage.after.map((id) => hashes.get(id));
    const text = JSON.stringify([RESULTS_VERSION, stage.id, stage.inputs, upstream]);
    hashes.set(stage.id, createHash('sha256').update(text).digest('hex'));
  }
  return hashes;
}
