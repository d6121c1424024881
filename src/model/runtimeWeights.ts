import * as tf from '@tensorflow/tfjs-core';
import type { WeightArray, Weights } from './weights.js';

/** Weights in the engine's memory under the same names: convolutions (kh, kw, in, out), linears (in, out). */
export type RuntimeWeights = ReadonlyMap<string, tf.Tensor>;

/** Copies weights into the engine's memory. The caller disposes the tensors. */
export function toRuntime(weights: Weights): Map<string, tf.Tensor> {
  return new Map(
    Array.from(weights, ([name, { shape, data }]) => {
      if (shape.length === 1) return [name, tf.tensor1d(data)];
      const [out, input, ...kernel] = shape;
      return [name, tf.tensor(reverseAxes(data, out, input, area(kernel)), runtimeShape(shape))];
    }),
  );
}

/** Shape of a tensor in the engine, from its shape in `Weights`. */
export function runtimeShape(shape: readonly number[]): number[] {
  if (shape.length === 1) return [...shape];
  const [out, input, ...kernel] = shape;
  return [...kernel, input, out];
}

/** Copies tensors of the engine's layout to host memory. The tensors stay. */
export function fromRuntime(tensors: RuntimeWeights): Weights {
  return new Map(
    Array.from(tensors, ([name, tensor]): [string, WeightArray] => {
      // A copy: some engines hand out their own memory.
      const data = Float32Array.from(tensor.dataSync<'float32'>());
      if (tensor.rank === 1) return [name, { shape: tensor.shape, data }];
      const [input, out] = tensor.shape.slice(-2);
      const kernel = tensor.shape.slice(0, -2);
      return [name, { shape: [out, input, ...kernel], data: reverseAxes(data, area(kernel), input, out) }];
    }),
  );
}

/** (a, b, c) to (c, b, a), row-major. */
function reverseAxes(data: Float32Array, a: number, b: number, c: number): Float32Array {
  const reversed = new Float32Array(data.length);
  let from = 0;
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < c; k++) reversed[(k * b + j) * a + i] = data[from++];
    }
  }
  return reversed;
}

function area(kernel: readonly number[]): number {
  return kernel.reduce((product, length) => product * length, 1);
}
