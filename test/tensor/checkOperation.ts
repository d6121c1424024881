import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { dot, numericalGradient, relativeError, values } from './reference.js';

/**
 * Compares an operation with a float64 reference: its value, and its gradient with respect to every input against central
 * differences of the reference, for random inputs and a random gradient of the output.
 */
export function checkOperation(options: {
  readonly shapes: readonly (readonly number[])[];
  readonly operation: (...inputs: tf.Tensor[]) => tf.Tensor;
  readonly reference: (...inputs: Float64Array[]) => Float64Array;
  readonly tolerance?: number;
}): void {
  const { shapes, operation, reference, tolerance = 2e-5 } = options;
  const inputs = shapes.map((shape, index) => values(tf.util.sizeFromShape([...shape]), 17 + index));
  const expected = reference(...inputs);
  const weights = values(expected.length, 99);

  const [value, gradients] = evaluate(options.shapes, inputs, operation, weights);
  expect(relativeError(value, expected)).toBeLessThan(tolerance);
  inputs.forEach((input, index) => {
    const loss = (x: Float64Array) => dot(reference(...inputs.with(index, x)), weights);
    expect(relativeError(gradients[index] as Float32Array, numericalGradient(loss, input))).toBeLessThan(tolerance);
  });
}

function evaluate(
  shapes: readonly (readonly number[])[],
  inputs: readonly Float64Array[],
  operation: (...inputs: tf.Tensor[]) => tf.Tensor,
  weights: Float64Array,
): [Float32Array, Float32Array[]] {
  return tf.tidy(() => {
    const tensors = inputs.map((input, index) => tf.tensor(Float32Array.from(input), [...(shapes[index] ?? [])]));
    const output = operation(...tensors);
    const dy = tf.tensor(Float32Array.from(weights), output.shape);
    const gradients = tf.grads(operation)(tensors, dy);
    return [output.dataSync<'float32'>(), gradients.map((gradient) => gradient.dataSync<'float32'>())];
  });
}
