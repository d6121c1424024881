import type * as tf from '@tensorflow/tfjs-core';
import { compileFunction, type CompiledFunction } from '../../tensor/graph/compiledFunction.js';
import { nativeBackend } from '../../tensor/graph/nativeBackend.js';
import { inParts } from '../../tensor/parallelism.js';
import type { InceptionDimensions } from './architecture.js';
import { inceptionFeatures, type InceptionTensors } from './network.js';

/** Full batches and the last, smaller one of two sets. */
const KEPT = 4;

/** Recorded networks by shape of the images and dimensions, the least recently used first; null where one cannot be recorded. */
const recorded = new Map<string, CompiledFunction | null>();

/**
 * `inceptionFeatures`, recorded on the native engine: there the library joins convolution, bias and ReLU and frees every
 * activation after its last use, which halves the memory. Weights are inputs, so other weights record nothing anew.
 */
export function runInception(
  tensors: InceptionTensors,
  images: tf.Tensor4D,
  dimensions: InceptionDimensions,
): tf.Tensor2D {
  if (nativeBackend() === null) return inceptionFeatures(tensors, images, dimensions);
  const inputs = [images, ...tensors.values()];
  const key = `${images.shape.join(' ')} to ${dimensions}`;
  const network = recorded.has(key) ? recorded.get(key)! : record([...tensors.keys()], inputs, dimensions);
  keep(key, network);
  return network === null ? inceptionFeatures(tensors, images, dimensions) : (network.run(inputs)[0] as tf.Tensor2D);
}

/** Null where the library at hand cannot load recorded graphs: the same operations then run one by one. */
function record(
  names: readonly string[],
  inputs: readonly tf.Tensor[],
  dimensions: InceptionDimensions,
): CompiledFunction | null {
  try {
    return compileFunction(nativeBackend()!, inputs, ([images, ...weights]) => {
      const tensors = new Map(names.map((name, index) => [name, weights[index]]));
      return [inParts([images], ([part]) => inceptionFeatures(tensors, part as tf.Tensor4D, dimensions))];
    });
  } catch {
    return null;
  }
}

function keep(key: string, network: CompiledFunction | null): void {
  recorded.delete(key);
  recorded.set(key, network);
  if (recorded.size <= KEPT) return;
  const [oldest, unused] = recorded.entries().next().value!;
  recorded.delete(oldest);
  unused?.dispose();
}
