import type { UNetSpec } from '../model/spec.js';
import { nativeBackend } from '../tensor/graph/nativeBackend.js';
import { releaseHostMemory } from '../tensor/hostMemory.js';
import { requirePrecision } from '../tensor/precision.js';
import { createCompiledTrainStep } from './compiledTrainStep.js';
import { createEagerTrainStep } from './eagerTrainStep.js';
import { batchKind } from './trainingGraph.js';
import type { MicroBatch, OptimizerState, StepOptions, StepResult, TrainStep, UpdateSettings } from './trainStep.js';

/**
 * The fastest training step the open engine has for this network: compiled on the native engine, else eager.
 *
 * A step is compiled for the shapes of the micro-batches of its first update, and again should others come.
 *
 * @param options.warn told once why the step is not compiled where it should have been; training goes on, slower
 * @throws input error `PRECISION_UNAVAILABLE` when the engine has no such arithmetic
 */
export function createTrainStep(
  spec: UNetSpec,
  state: OptimizerState,
  options: StepOptions & { readonly warn?: (message: string) => void } = {},
): TrainStep {
  requirePrecision(options.precision ?? 'float32');
  const backend = nativeBackend();
  if (backend === null) return createEagerTrainStep(spec, state, options);

  let initial: OptimizerState | null = state;
  let step: TrainStep | null = null;
  let compiled = true;
  /** One micro-batch of every kind that has come. */
  const kinds = new Map<string, MicroBatch>();

  const takeState = (): OptimizerState => {
    const state = initial ?? step!.snapshot();
    step?.dispose();
    step = null;
    initial = null;
    return state;
  };
  const fallBack = (state: OptimizerState, error: unknown): TrainStep => {
    compiled = false;
    options.warn?.(`training goes on uncompiled, which is slower: ${(error as Error).message.split('\n', 1)[0]}`);
    return createEagerTrainStep(spec, state, options);
  };
  /** A function of its own: nothing must refer to the host's copy of the state when the first update takes its memory. */
  const build = (): TrainStep => {
    const state = takeState();
    try {
      return createCompiledTrainStep(backend, spec, state, [...kinds.values()], options);
    } catch (error) {
      return fallBack(state, error);
    }
  };
  const rebuild = (batches: readonly MicroBatch[], settings: UpdateSettings): StepResult => {
    batches.forEach((batch) => kinds.set(batchKind(batch), batch));
    step = build();
    releaseHostMemory();
    try {
      const result = step.update(batches, settings);
      // What the first run of a graph needed to prepare it.
      releaseHostMemory();
      return result;
    } catch (error) {
      if (!compiled) throw error;
      // The gradients failed, so the state is as it was.
      step = fallBack(takeState(), error);
      return step.update(batches, settings);
    }
  };

  return {
    spec,
    update(batches, settings) {
      const ready = step !== null && (!compiled || batches.every((batch) => kinds.has(batchKind(batch))));
      return ready ? step!.update(batches, settings) : rebuild(batches, settings);
    },
    snapshot: () => initial ?? step!.snapshot(),
    dispose() {
      step?.dispose();
      step = null;
      initial = null;
    },
  };
}
