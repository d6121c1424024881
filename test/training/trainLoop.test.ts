import { describe, expect, it } from 'vitest';
import type { UNetSpec } from '../../src/model/spec.js';
import { train, type TrainOptions } from '../../src/training/trainLoop.js';
import type { MicroBatch, StepResult, TrainStep, UpdateSettings } from '../../src/training/trainStep.js';

/** A step that records what it is asked for and answers with given results. */
function recordingStep(resultAt: (update: number) => Partial<StepResult> = () => ({})) {
  const seen: { batches: readonly MicroBatch[]; settings: UpdateSettings }[] = [];
  const step: TrainStep = {
    spec: {} as UNetSpec,
    update(batches, settings) {
      seen.push({ batches, settings });
      return { loss: 1, gradientNorm: 1, perImageLoss: new Float32Array(1), ...resultAt(settings.update) };
    },
    snapshot: () => ({ weights: new Map(), ema: new Map(), firstMoment: new Map(), secondMoment: new Map() }),
    dispose: () => {},
  };
  return { step, seen };
}

function batchOf(update: number): MicroBatch {
  const values = Float32Array.of(update);
  return { count: 1, xt: values, target: values, timesteps: Int32Array.of(update), weights: Float32Array.of(1) };
}

function options(step: TrainStep, rest: Partial<TrainOptions> = {}): TrainOptions {
  return {
    step,
    stage: 'expert 2',
    nextBatch: (update) => [batchOf(update)],
    fromUpdate: 0,
    steps: 5,
    learningRate: 1,
    rateField: 'base.learningRate',
    warmup: 4,
    learningRateDecay: 'none',
    clip: 0.5,
    ema: { decay: 0.9, warmup: true },
    dropout: { seed: 7, stream: 'expert/2' },
    onUpdate: () => {},
    ...rest,
  };
}

describe('train', () => {
  it('takes every update after fromUpdate up to steps, with schedules by absolute update', async () => {
    const { step, seen } = recordingStep();
    const reported: number[] = [];
    await train(options(step, { fromUpdate: 2, onUpdate: ({ update }) => void reported.push(update) }));
    expect(seen.map(({ batches }) => batches[0].timesteps[0])).toEqual([3, 4, 5]);
    expect(seen.map(({ settings }) => settings)).toEqual(
      [3, 4, 5].map((update) => ({
        update,
        learningRate: Math.min(1, update / 4),
        emaDecay: (1 + update) / (10 + update),
        clip: 0.5,
        dropoutKey: { seed: 7, stream: 'expert/2' },
      })),
    );
    expect(reported).toEqual([3, 4, 5]);
  });

  it('does nothing when the work is done already', async () => {
    const { step, seen } = recordingStep();
    await train(options(step, { fromUpdate: 5 }));
    expect(seen).toHaveLength(0);
  });

  it('waits for onUpdate before it goes on', async () => {
    const order: string[] = [];
    const { step } = recordingStep((update) => (order.push(`update ${update}`), {}));
    await train(
      options(step, {
        steps: 2,
        onUpdate: async ({ update }) => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          order.push(`written ${update}`);
        },
      }),
    );
    expect(order).toEqual(['update 1', 'written 1', 'update 2', 'written 2']);
  });

  it('lets other work run between updates', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    const { step } = recordingStep(() => {
      const until = performance.now() + 3;
      while (performance.now() < until);
      return {};
    });
    await train(options(step, { steps: 20 }));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
  });

  it('stops between updates when aborted', async () => {
    const controller = new AbortController();
    const { step, seen } = recordingStep();
    const training = train(
      options(step, { signal: controller.signal, onUpdate: ({ update }) => void (update === 2 && controller.abort()) }),
    );
    await expect(training).rejects.toMatchObject({ kind: 'interrupted', code: 'INTERRUPTED' });
    expect(seen).toHaveLength(2);
  });

  it.each([
    ['loss', { loss: NaN }, 'loss became NaN at step 3 of expert 2'],
    ['gradient norm', { gradientNorm: Infinity }, 'gradient norm became Infinity at step 3 of expert 2'],
  ])('fails when the %s is not finite, without reporting that update', async (_, bad, message) => {
    const reported: number[] = [];
    const { step } = recordingStep((update) => (update === 3 ? bad : {}));
    const training = train(options(step, { onUpdate: ({ update }) => void reported.push(update) }));
    await expect(training).rejects.toMatchObject({ kind: 'failure', code: 'NOT_FINITE', message });
    expect(reported).toEqual([1, 2]);
  });
});
