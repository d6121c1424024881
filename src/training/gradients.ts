import * as tf from '@tensorflow/tfjs-core';
import { fromRuntime, type RuntimeWeights } from '../model/runtimeWeights.js';
import type { UNetSpec } from '../model/spec.js';
import { unetForward } from '../model/unet.js';
import type { Weights } from '../model/weights.js';
import { compileFunction, type CompiledFunction } from '../tensor/graph/compiledFunction.js';
import { nativeBackend } from '../tensor/graph/nativeBackend.js';
import { batchTensors, lossesInParts, type BatchTensors } from './loss.js';
import { batchKind } from './trainingGraph.js';
import type { MicroBatch } from './trainStep.js';

/** Loss and gradients of a network without dropout. */
export interface NetworkGradients {
  /**
   * Those of one micro-batch's loss, the mean over images of what is trained on. Leaves no tensor behind.
   * @returns gradients under their tensors' names, in the host layouts of `Weights`
   */
  compute(batch: MicroBatch): { loss: number; gradients: Weights };
  /** Frees what was recorded; the weights stay. */
  dispose(): void;
}

/**
 * Gradients of many micro-batches: recorded on the native engine, where that takes a half of the time and of the memory of
 * operations one by one; eager elsewhere.
 *
 * @param runtime weights in the engine's memory, not changed
 * @param names the tensors whose gradients are wanted; only these leave the engine
 * @param warn told once why they are not recorded where they should have been
 */
export function openGradients(
  spec: UNetSpec,
  runtime: RuntimeWeights,
  names: readonly string[],
  warn: (message: string) => void = () => {},
): NetworkGradients {
  /** By kind of micro-batch; null where one could not be recorded. */
  const recorded = new Map<string, CompiledFunction | null>();
  const record = (tensors: BatchTensors): CompiledFunction | null => {
    const all = [...runtime.keys()];
    const parts = partsOf(tensors);
    try {
      return compileFunction(nativeBackend()!, [...parts.values(), ...runtime.values()], (inputs) => {
        const batch = Object.fromEntries([...parts.keys()].map((part, index) => [part, inputs[index]]));
        const weights = new Map(all.map((name, index) => [name, inputs[parts.size + index]]));
        return lossAndGradients(spec, weights, batch as unknown as BatchTensors, names);
      });
    } catch (error) {
      warn(`gradients are computed uncompiled, which is slower: ${(error as Error).message.split('\n', 1)[0]}`);
      return null;
    }
  };
  return {
    compute(batch) {
      const [loss, ...gradients] = tf.tidy(() => {
        const tensors = batchTensors(spec, batch);
        if (nativeBackend() === null) return lossAndGradients(spec, runtime, tensors, names);
        const kind = batchKind(batch);
        if (!recorded.has(kind)) recorded.set(kind, record(tensors));
        const compiled = recorded.get(kind)!;
        if (compiled === null) return lossAndGradients(spec, runtime, tensors, names);
        return compiled.run([...partsOf(tensors).values(), ...runtime.values()]);
      });
      try {
        return {
          loss: loss.dataSync<'float32'>()[0],
          gradients: fromRuntime(new Map(names.map((name, index) => [name, gradients[index]]))),
        };
      } finally {
        tf.dispose([loss, ...gradients]);
      }
    },
    dispose() {
      for (const compiled of recorded.values()) compiled?.dispose();
      recorded.clear();
    },
  };
}

/** `openGradients` for one micro-batch, which nothing is recorded for. */
export function lossGradients(
  spec: UNetSpec,
  runtime: RuntimeWeights,
  batch: MicroBatch,
  names: readonly string[],
): Weights {
  const [loss, ...gradients] = tf.tidy(() => lossAndGradients(spec, runtime, batchTensors(spec, batch), names));
  try {
    return fromRuntime(new Map(names.map((name, index) => [name, gradients[index]])));
  } finally {
    tf.dispose([loss, ...gradients]);
  }
}

/** The loss, then the gradients in the order of `names`. */
function lossAndGradients(
  spec: UNetSpec,
  runtime: RuntimeWeights,
  tensors: BatchTensors,
  names: readonly string[],
): tf.Tensor[] {
  const loss = (...wanted: tf.Tensor[]): tf.Scalar => {
    const network = new Map(runtime);
    names.forEach((name, index) => network.set(name, wanted[index]));
    const { total } = lossesInParts(tensors, ({ xt, timesteps }) => unetForward(spec, network, xt, timesteps, null));
    return tf.mean(total);
  };
  const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => runtime.get(name)!));
  return [value, ...grads];
}

/** The tensors that a micro-batch has, by name. */
function partsOf(tensors: BatchTensors): Map<string, tf.Tensor> {
  const parts = Object.entries(tensors) as [string, tf.Tensor | undefined][];
  return new Map(parts.filter((part): part is [string, tf.Tensor] => part[1] !== undefined));
}
