import type * as tf from '@tensorflow/tfjs-core';
import type { Precision } from '../contract/config.js';
import type { RuntimeWeights } from '../model/runtimeWeights.js';
import type { UNetSpec } from '../model/spec.js';
import { unetForward } from '../model/unet.js';
import { compileFunction, type CompiledFunction } from '../tensor/graph/compiledFunction.js';
import { nativeBackend } from '../tensor/graph/nativeBackend.js';
import { inParts } from '../tensor/parallelism.js';
import { computeIn } from '../tensor/precision.js';

/** Recorded forward passes that are kept: as many as a bundle of experts has, at two batch sizes. */
const KEPT = 16;

/**
 * Recorded forward passes by network and batch size, the least recently used first; null where one could not be recorded.
 * Weights are inputs, so experts of one shape share a graph, and opening one again records nothing.
 */
const recorded = new Map<string, CompiledFunction | null>();

/** (N, size, size, inChannels) and timesteps (N) to (N, size, size, outChannels). Call inside `tf.tidy`. */
type ForwardPass = (x: tf.Tensor4D, timesteps: tf.Tensor1D) => tf.Tensor4D;

/**
 * The forward pass of a network without dropout: recorded on the native engine, eager elsewhere.
 *
 * @param weights in the engine's memory; read at every call
 * @param warn told why a pass is not recorded where it should have been
 */
export function forwardPass(
  spec: UNetSpec,
  weights: RuntimeWeights,
  warn: (message: string) => void = () => {},
  precision: Precision = 'float32',
): ForwardPass {
  const names = [...weights.keys()];
  const network = JSON.stringify([spec, names, precision]);
  const eager: ForwardPass = (x, timesteps) =>
    computeIn(precision, () => unetForward(spec, weights, x, timesteps, null));

  const record = (inputs: readonly tf.Tensor[]): CompiledFunction | null => {
    try {
      return compileFunction(nativeBackend()!, inputs, ([x, timesteps, ...tensors]) => {
        const recordedWeights = new Map(names.map((name, index) => [name, tensors[index]]));
        const predict = ([x, timesteps]: readonly tf.Tensor[]): tf.Tensor4D =>
          unetForward(spec, recordedWeights, x as tf.Tensor4D, timesteps as tf.Tensor1D, null);
        return [computeIn(precision, () => inParts([x, timesteps], predict))];
      });
    } catch (error) {
      warn(`sampling goes on uncompiled, which is slower: ${(error as Error).message.split('\n', 1)[0]}`);
      return null;
    }
  };

  return (x, timesteps) => {
    if (nativeBackend() === null) return eager(x, timesteps);
    const inputs = [x, timesteps, ...weights.values()];
    const key = `${x.shape[0]} ${timesteps.dtype} ${network}`;
    const compiled = recorded.has(key) ? recorded.get(key)! : record(inputs);
    keep(key, compiled);
    return compiled === null ? eager(x, timesteps) : (compiled.run(inputs)[0] as tf.Tensor4D);
  };
}

/** Makes a pass the most recently used one, and frees the one that has gone unused longest. */
function keep(key: string, compiled: CompiledFunction | null): void {
  recorded.delete(key);
  recorded.set(key, compiled);
  if (recorded.size <= KEPT) return;
  const [oldest, unused] = recorded.entries().next().value!;
  recorded.delete(oldest);
  unused?.dispose();
}
