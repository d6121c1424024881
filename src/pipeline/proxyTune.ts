import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { drawBatch } from '../training/batches.js';
import { createTrainStep } from '../training/createTrainStep.js';
import { freshOptimizerState } from '../training/optimizerState.js';
import type { TimestepDraw } from '../training/timestepDraws.js';
import { stepOptions } from '../training/trainStep.js';
import { train } from '../training/trainLoop.js';
import type { StageContext } from './stage.js';

/**
 * A few fine-tuning steps of a candidate before it is scored. Every candidate of a search sees the same batches.
 *
 * @returns the tuned weights: over so few steps a moving average would mostly be the start
 */
export async function proxyTune(
  context: StageContext,
  candidate: { spec: UNetSpec; weights: Weights },
  options: { steps: number; draw: TimestepDraw },
): Promise<Weights> {
  if (options.steps === 0) return candidate.weights;
  const { config, stageId } = context;
  const stream = `${stageId}/proxy`;
  const warn = (message: string) => context.emit({ type: 'log', level: 'warn', message });
  const step = createTrainStep(candidate.spec, freshOptimizerState(candidate.weights), {
    ...stepOptions(config),
    warn,
  });
  try {
    await train({
      stage: stream,
      step,
      fromUpdate: 0,
      steps: options.steps,
      learningRate: config.experts.learningRate,
      rateField: 'experts.learningRate',
      warmup: Math.min(config.experts.warmup, options.steps),
      learningRateDecay: 'none',
      clip: config.base.clip,
      ema: config.base.ema,
      dropout: { seed: config.seed, stream: `${stream}/dropout` },
      signal: context.signal,
      nextBatch: (update) =>
        drawBatch({
          dataset: context.data.train,
          objective: context.design.objective,
          draw: options.draw,
          seed: config.seed,
          stream,
          update,
          batch: config.base.batch,
          microBatch: config.base.microBatch,
          flip: config.data.flip,
        }),
      onUpdate: () => undefined,
    });
    return step.snapshot().weights;
  } finally {
    step.dispose();
  }
}
