import { inputError } from '../../contract/errors.js';
import type { SafetensorsTensor } from '../../formats/safetensors.js';
import type { Weights } from '../../model/weights.js';
import { BATCH_NORM_EPSILON, CLASSES, convolutionShapes, FEATURE_DIMENSIONS } from './architecture.js';

/**
 * Weights as `network.ts` takes them, from tensors under pytorch-fid's names. Each batch normalisation becomes part of the
 * convolution before it:
 *
 *     gamma (conv(x) - mean) / sqrt(variance + eps) + beta = conv'(x) + bias
 *
 * Kernels are brought from (out, in, height, width) to (height, width, in, out), the class head to (in, out).
 *
 * @throws input error `INCEPTION_WEIGHTS_INVALID` when a tensor is missing or has another shape or type
 */
export function foldInceptionWeights(tensors: ReadonlyMap<string, SafetensorsTensor>, file: string): Weights {
  const values = (name: string, shape: readonly number[]): Float32Array => {
    const tensor = tensors.get(name);
    if (!(tensor?.data instanceof Float32Array) || tensor.shape.join() !== shape.join()) {
      throw inputError(
        'INCEPTION_WEIGHTS_INVALID',
        `${file} has no tensor "${name}" of float32 (${shape.join(', ')}), so it is not the Inception network of FID`,
        'use pt_inception-2015-12-05-6726825d.pth; weights of other libraries are of another network',
      );
    }
    return tensor.data;
  };
  const folded = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, shape] of convolutionShapes()) {
    const [height, width, input, output] = shape;
    const source = values(`${name}.conv.weight`, [output, input, height, width]);
    const [gamma, beta, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map((part) =>
      values(`${name}.bn.${part}`, [output]),
    );
    const scale = Float64Array.from(
      gamma,
      (value, channel) => value / Math.sqrt(variance[channel] + BATCH_NORM_EPSILON),
    );
    const kernel = new Float32Array(source.length);
    const pixels = height * width;
    for (let out = 0; out < output; out += 1) {
      for (let into = 0; into < input; into += 1) {
        for (let pixel = 0; pixel < pixels; pixel += 1) {
          kernel[(pixel * input + into) * output + out] = source[(out * input + into) * pixels + pixel] * scale[out];
        }
      }
    }
    const bias = Float32Array.from(beta, (value, channel) => value - mean[channel] * scale[channel]);
    folded.set(`${name}.kernel`, { shape, data: kernel });
    folded.set(`${name}.bias`, { shape: [output], data: bias });
  }
  const features = FEATURE_DIMENSIONS[FEATURE_DIMENSIONS.length - 1];
  const head = values('fc.weight', [CLASSES, features]);
  const transposed = new Float32Array(head.length);
  head.forEach((value, index) => {
    transposed[(index % features) * CLASSES + Math.floor(index / features)] = value;
  });
  folded.set('fc.kernel', { shape: [features, CLASSES], data: transposed });
  folded.set('fc.bias', { shape: [CLASSES], data: values('fc.bias', [CLASSES]) });
  return folded;
}
