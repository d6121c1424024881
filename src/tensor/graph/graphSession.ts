import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from './nativeBackend.js';
import { encodeSavedModel, SERVE_TAG, type NodeDef } from './savedModel.js';

/** A graph loaded into TensorFlow, with its variables' memory. */
export interface GraphSession {
  /**
   * Computes the fetched values (`name:output`) and what they need. The results are the caller's; use `tf.tidy`.
   *
   * @param feeds the value of each placeholder that is needed, under `name:0`
   */
  run(feeds: ReadonlyMap<string, tf.Tensor>, fetches: readonly string[]): tf.Tensor[];
  /** Frees the graph and its variables. */
  dispose(): void;
}

/**
 * Loads a graph. The library reads graphs from a folder alone, so one is written to the system's place for temporary files and
 * removed at once.
 */
export function openGraphSession(backend: NativeBackend, nodes: readonly NodeDef[]): GraphSession {
  const folder = mkdtempSync(join(tmpdir(), 'stepadapt-graph-'));
  let id: number;
  try {
    writeFileSync(join(folder, 'saved_model.pb'), encodeSavedModel(nodes));
    id = backend.loadSavedModelMetaGraph(folder, SERVE_TAG);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    run(feeds, fetches) {
      const infos = [...feeds.keys()].map((name) => ({ name }));
      return backend.runSavedModel(id, [...feeds.values()], infos, fetches);
    },
    dispose() {
      backend.deleteSavedModel(id);
    },
  };
}
