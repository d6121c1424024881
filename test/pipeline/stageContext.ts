import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PipelineEvent } from '../../src/contract/events.js';
import { makeDataset } from '../../src/data/makeDataset.js';
import type { Dataset } from '../../src/data/dataset.js';
import { designExperiment } from '../../src/pipeline/design.js';
import { DrawRequests } from '../../src/pipeline/drawRequests.js';
import type { StageContext } from '../../src/pipeline/stage.js';
import { StageStore } from '../../src/pipeline/stageStore.js';
import { parseConfig } from '../../src/project/project.js';
import type { Project } from '../../src/project/project.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { randomIntegers } from '../../src/tensor/random.js';

/** A network of a few hundred weights, 40 timesteps, two groups. */
export const TINY = {
  engine: 'wasm',
  data: { size: 8, channels: 1, count: 64 },
  diffusion: { timesteps: 40 },
  model: { channels: 8, multipliers: [1], blocks: 1, attention: [], normGroups: 4 },
  base: { steps: 6, batch: 4, warmup: 1, checkpointEvery: 3, sampleEvery: 0 },
  grouping: { method: 'uniform', groups: 2 },
  budget: { targetMean: 0.9 },
  pruning: { evidence: 2, rounds: 2, proxySteps: 1, proxyImages: 8 },
  experts: { steps: 4, warmup: 1 },
  sampling: { steps: 4, batch: 8 },
  evaluation: { samples: 8 },
};

function noiseImages(count: number): Dataset {
  const pixels = Uint8Array.from(randomIntegers({ seed: 4, stream: 'test/images', index: count }, count * 64, 0, 256));
  return makeDataset({ source: 'test', count, size: 8, channels: 1, pixels, labels: null, classes: [] });
}

/** A stage's surroundings in a folder, without a pipeline around it. */
export async function stageContext(
  folder: string,
  stageId: string,
  config: object,
  signal: AbortSignal = new AbortController().signal,
): Promise<StageContext & { readonly events: PipelineEvent[] }> {
  const events: PipelineEvent[] = [];
  const parsed = parseConfig(config);
  const project = { folder, path: join(folder, 'x.stepadapt'), file: { config: parsed } } as Project;
  // Stages write only where the project's file is.
  await mkdir(folder, { recursive: true });
  await writeFile(project.path, '');
  const store = new StageStore(project);
  return {
    project,
    config: parsed,
    design: designExperiment(parsed),
    engine: await openEngine('wasm'),
    store,
    data: { train: noiseImages(32), heldOut: noiseImages(8) },
    emit: (event) => void events.push(event),
    signal,
    draws: new DrawRequests(),
    stageId,
    inputHash: 'a'.repeat(64),
    folder: store.folder(stageId),
    events,
  };
}
