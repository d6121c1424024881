import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { configSchema, modelSchema } from '../../src/contract/config.js';
import type { Dataset } from '../../src/data/dataset.js';
import { trainingObjective } from '../../src/diffusion/objective.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { initialiseWeights } from '../../src/model/initialise.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { drawBatch } from '../../src/training/batches.js';
import { latestCheckpoint, writeCheckpoint } from '../../src/training/checkpoint.js';
import { freshOptimizerState } from '../../src/training/optimizerState.js';
import { train } from '../../src/training/trainLoop.js';
import type { OptimizerState, TrainStep } from '../../src/training/trainStep.js';
import { availableTrainSteps } from './availableEngines.js';

const SIZE = 8;
const dataset: Dataset = {
  source: 'test',
  count: 7,
  size: SIZE,
  channels: 1,
  pixels: Uint8Array.from({ length: 7 * SIZE * SIZE }, (_, i) => (i * i * 31) % 256),
  labels: null,
  classes: [],
  hash: '',
};
const objective = trainingObjective(configSchema.parse({ diffusion: { schedule: 'cosine', timesteps: 50 } }));
const draw = { from: 10, to: 30, timesteps: 50, overlap: 3, outsideProbability: 0.2 };
const spec = buildUNetSpec(
  modelSchema.parse({ channels: 8, multipliers: [1, 2], blocks: 1, attention: [4], dropout: 0.2, normGroups: 4 }),
  { size: SIZE, channels: 1 },
);

async function trainFrom(step: TrainStep, fromUpdate: number, steps: number): Promise<OptimizerState> {
  try {
    await train({
      step,
      stage: 'test',
      nextBatch: (update) =>
        drawBatch({ dataset, objective, draw, seed: 1, stream: 'test', update, batch: 5, microBatch: 3, flip: true }),
      fromUpdate,
      steps,
      learningRate: 0.01,
      rateField: 'base.learningRate',
      warmup: 5,
      learningRateDecay: 'none',
      clip: 1,
      ema: { decay: 0.999, warmup: true },
      dropout: { seed: 1, stream: 'test/dropout' },
      onUpdate: () => {},
    });
    return step.snapshot();
  } finally {
    step.dispose();
  }
}

function bytes(state: OptimizerState): Map<string, string> {
  return new Map(
    Object.entries(state).flatMap(([part, weights]) =>
      [...weights].map(
        ([name, { data }]: [string, { data: Float32Array }]) =>
          [`${part} ${name}`, Buffer.from(data.slice().buffer).toString('hex')] as const,
      ),
    ),
  );
}

for (const { name, engine: id, create } of await availableTrainSteps()) {
  const start = (state: OptimizerState) => create(spec, state);

  describe(`resuming from a checkpoint, ${name}`, () => {
    it('ends in the same bytes as a run without a stop', async () => {
      const engine = await openEngine(id);
      const stage = await mkdtemp(join(tmpdir(), 'stepadapt-resume-'));
      try {
        const initial = initialiseWeights(spec, 3);
        const straight = await trainFrom(start(freshOptimizerState(initial)), 0, 6);

        const half = await trainFrom(start(freshOptimizerState(initial)), 0, 3);
        await writeCheckpoint(stage, { spec, state: half, meta: { step: 3, seed: 1, engine, extra: null } });
        const { checkpoint } = (await latestCheckpoint(stage)).found!;
        const resumed = await trainFrom(start(checkpoint.state), checkpoint.meta.step, 6);

        expect(bytes(half)).not.toEqual(bytes(straight));
        expect(bytes(resumed)).toEqual(bytes(straight));
      } finally {
        await rm(stage, { recursive: true, force: true });
      }
    });
  });
}
