import * as tf from '@tensorflow/tfjs-core';
import { ATTRIBUTE_KIND, DT_FLOAT, nativeBackend, type OperationAttribute } from './graph/nativeBackend.js';

const ATTRIBUTES: OperationAttribute[] = [
  { name: 'T', type: ATTRIBUTE_KIND.type, value: DT_FLOAT },
  { name: 'data_format', type: ATTRIBUTE_KIND.string, value: 'NHWC' },
];

/**
 * Adds a bias to every pixel or row. The native engine has an operation for it, which a recorded graph computes together with the
 * convolution or matrix product before it; a general sum takes a pass over the images.
 *
 * @param x (..., C)
 * @param bias (C)
 */
export function biasAdd<T extends tf.Tensor>(x: T, bias: tf.Tensor1D): T {
  const backend = nativeBackend();
  if (backend === null) return tf.add<T>(x, bias);
  const run = (name: string, inputs: readonly tf.Tensor[]) =>
    backend.executeMultipleOutputs(name, ATTRIBUTES, inputs, 1)[0];
  const add = tf.customGrad((...args) => {
    const [x, bias] = args as tf.Tensor[];
    return {
      value: run('BiasAdd', [x, bias]),
      gradFunc: (dy) => [dy as tf.Tensor, run('BiasAddGrad', [dy as tf.Tensor])],
    };
  });
  return add(x, bias) as T;
}
