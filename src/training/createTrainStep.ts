import type { UNetSpec } from '../model/spec.js';
import { nativeBackend } from '../tensor/graph/nativeBackend.js';
import { createCompiledTrainStep } from './compiledTrainStep.js';
import { createEagerTrainStep } from './eagerTrainStep.js';
import { batchKind } from './trainingGraph.js';
import type { MicroBatch, OptimizerState, StepResult, TrainStep, UpdateSettings } from './trainStep.js';

/**
 * The fastest training step the open engine has for this network: compiled on the native engine, else eager.
 *
 * A step is compiled for the shapes of the micro-batches of its first update, and again should others come.
 *
 * @param warn told once why the step is not compiled where it should have been; training goes on, slower
 */
export function createTrainStep(
  spec: UNetSpec,
  state: OptimizerState,
  warn: (message: string) => void = () => {},
): TrainStep {
  const backend = nativeBackend();
  if (backend === null) return createEagerTrainStep(spec, state);

  let initial: OptimizerState | null = state;
  let step: TrainStep | null = null;
  let compiled = true;
  /** One micro-batch of every kind that has come. */
  const kinds = new Map<string, MicroBatch>();

  const rebuild = (batches: readonly MicroBatch[], settings: UpdateSettings): StepResult => {
    const from = initial ?? step!.snapshot();
    batches.forEach((batch) => kinds.set(batchKind(batch), batch));
    step?.dispose();
    step = null;
    initial = null;
    try {
      step = createCompiledTrainStep(backend, spec, from, [...kinds.values()]);
      return step.update(batches, settings);
    } catch (error) {
      step?.dispose();
      compiled = false;
      warn(`training goes on uncompiled, which is slower: ${(error as Error).message.split('\n', 1)[0]}`);
      step = createEagerTrainStep(spec, from);
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
