import { randomUniform } from '../tensor/random.js';
import type { UNetSpec } from './spec.js';
import { tensorShapes } from './tensorShapes.js';
import type { Weights } from './weights.js';

/** Layers that start as almost nothing, so that every block starts as the identity and the network predicts almost zero. */
const NEARLY_ZERO = /(^conv_out|\.conv2|\.to_out\.0)\.weight$/;
/** Variance of those layers relative to the others'. */
const NEARLY_ZERO_VARIANCE = 1e-10;
/** Names of norms end in these, before `.weight`. */
const NORM_WEIGHT = /(norm1|norm2|group_norm|conv_norm_out)\.weight$/;

/**
 * Initial weights of the published network (arXiv 2006.11239): uniform with variance scaled by the average of fan-in and
 * fan-out (Glorot & Bengio 2010), biases zero, norms the identity. Every tensor has its own random stream, so its values do
 * not depend on what other tensors there are.
 */
export function initialiseWeights(spec: UNetSpec, seed: number): Weights {
  return new Map(
    [...tensorShapes(spec)].map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
      if (NORM_WEIGHT.test(name)) data.fill(1);
      else if (name.endsWith('.weight')) fillUniform(data, uniformLimit(name, shape), seed, name);
      return [name, { shape, data }];
    }),
  );
}

/** Half-width of the uniform distribution: sqrt(3 * scale / fanAverage), fans including the kernel's area. */
function uniformLimit(name: string, [out, input, ...kernel]: readonly number[]): number {
  const area = kernel.reduce((product, length) => product * length, 1);
  const fanAverage = ((input + out) * area) / 2;
  return Math.sqrt((3 * (NEARLY_ZERO.test(name) ? NEARLY_ZERO_VARIANCE : 1)) / fanAverage);
}

function fillUniform(data: Float32Array, limit: number, seed: number, name: string): void {
  const uniform = randomUniform({ seed, stream: `initialise/${name}`, index: 0 }, data.length);
  for (let i = 0; i < data.length; i++) data[i] = limit * (2 * uniform[i] - 1);
}
