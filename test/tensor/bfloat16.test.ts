import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { compileFunction } from '../../src/tensor/graph/compiledFunction.js';
import { nativeBackend } from '../../src/tensor/graph/nativeBackend.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { computeIn } from '../../src/tensor/precision.js';
import { nativeMissing } from './engines.js';
import { values } from './reference.js';

/** Rounds to 8 bits of mantissa, ties to even: what bfloat16 is. */
function rounded(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
  const up = 0x7fff + ((bits >>> 16) & 1);
  return new Float32Array(Uint32Array.of((bits + up) & 0xffff0000).buffer)[0];
}

/** Whether a value is `expected` rounded to bfloat16; sums in another order may fall to the other side of a tie. */
function expectRounded(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual).toHaveLength(expected.length);
  let exact = 0;
  for (let i = 0; i < expected.length; i++) {
    expect(actual[i]).toBe(rounded(actual[i]));
    expect(Math.abs(actual[i] - expected[i])).toBeLessThanOrEqual(Math.abs(expected[i]) * 2 ** -8 + 1e-6);
    if (actual[i] === rounded(expected[i])) exact += 1;
  }
  expect(exact / expected.length).toBeGreaterThan(0.95);
}

const SIDE = 5;
const IN = 3;
const OUT = 4;
const x = values(SIDE * SIDE * IN, 1);
const kernel = values(9 * IN * OUT, 2);
const dy = values(SIDE * SIDE * OUT, 3);

/** Every product of a 3x3 convolution with zeros around, in float64. */
function eachProduct(visit: (x: number, kernel: number, y: number) => void): void {
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      for (let tap = 0; tap < 9; tap++) {
        const [r, c] = [row + Math.floor(tap / 3) - 1, column + (tap % 3) - 1];
        if (r < 0 || c < 0 || r >= SIDE || c >= SIDE) continue;
        for (let i = 0; i < IN; i++) {
          for (let o = 0; o < OUT; o++)
            visit((r * SIDE + c) * IN + i, (tap * IN + i) * OUT + o, (row * SIDE + column) * OUT + o);
        }
      }
    }
  }
}

/** Output and gradients of the convolution of rounded inputs. */
function reference(): { y: Float64Array; dx: Float64Array; dKernel: Float64Array } {
  const [rx, rk, rdy] = [x, kernel, dy].map((array) => array.map(rounded));
  const y = new Float64Array(dy.length);
  const dx = new Float64Array(x.length);
  const dKernel = new Float64Array(kernel.length);
  eachProduct((i, k, o) => {
    y[o] += rx[i] * rk[k];
    dx[i] += rdy[o] * rk[k];
    dKernel[k] += rx[i] * rdy[o];
  });
  return { y, dx, dKernel };
}

const title = nativeMissing === null ? 'bfloat16' : `bfloat16 (skipped: ${nativeMissing})`;

describe.skipIf(nativeMissing !== null)(title, () => {
  beforeAll(async () => {
    await openEngine('native');
  });

  const images = () => tf.tensor4d(Float32Array.from(x), [1, SIDE, SIDE, IN]);
  const weights = () => tf.tensor4d(Float32Array.from(kernel), [3, 3, IN, OUT]);
  const gradient = () => tf.tensor4d(Float32Array.from(dy), [1, SIDE, SIDE, OUT]);
  const convolve = (a: tf.Tensor, b: tf.Tensor) => tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, 'same');
  const all = (a: tf.Tensor, b: tf.Tensor, d: tf.Tensor) => {
    const { value, grads } = tf.valueAndGrads(convolve)([a, b], d as tf.Tensor4D);
    return tf.concat([value, ...grads].map((tensor) => tf.reshape(tensor, [-1])));
  };

  const { y, dx, dKernel } = reference();
  const expected = Float64Array.from([...y, ...dx, ...dKernel]);

  it('rounds the inputs and the results of a convolution and of both its gradients, and nothing else', () => {
    tf.tidy(() => {
      expectRounded(computeIn('bfloat16', () => all(images(), weights(), gradient())).dataSync(), expected);
      const plain = computeIn('float32', () => all(images(), weights(), gradient())).dataSync();
      expect(plain.every((value) => value === rounded(value))).toBe(false);
      const third = computeIn('bfloat16', () => tf.add(images(), 1 / 3)).dataSync();
      expect(third[0]).toBe(Math.fround(Math.fround(x[0]) + Math.fround(1 / 3)));
    });
  });

  it('does so where it is recorded', () => {
    tf.tidy(() => {
      const inputs = [images(), weights(), gradient()];
      const compiled = compileFunction(nativeBackend()!, inputs, ([a, b, d]) => [
        computeIn('bfloat16', () => all(a, b, d)),
      ]);
      expectRounded(compiled.run(inputs)[0].dataSync(), expected);
      compiled.dispose();
    });
  });

  it('rounds matrix products', () => {
    const [a, b] = [values(6 * 5, 4), values(5 * 7, 5)];
    const product = Float64Array.from({ length: 42 }, (_, at) =>
      [0, 1, 2, 3, 4].reduce(
        (sum, k) => sum + rounded(a[Math.floor(at / 7) * 5 + k]) * rounded(b[k * 7 + (at % 7)]),
        0,
      ),
    );
    const actual = tf.tidy(() =>
      computeIn('bfloat16', () =>
        tf.matMul(tf.tensor2d(Float32Array.from(a), [6, 5]), tf.tensor2d(Float32Array.from(b), [5, 7])),
      ).dataSync(),
    );
    expectRounded(actual, product);
  });

  it('leaves no tensor behind', () => {
    const { binding } = nativeBackend()!;
    const before = [tf.memory().numTensors, binding.getNumOfTensors()];
    tf.dispose(tf.tidy(() => computeIn('bfloat16', () => all(images(), weights(), gradient()))));
    expect([tf.memory().numTensors, nativeBackend()!.binding.getNumOfTensors()]).toEqual(before);
  });
});

describe('bfloat16 on the portable engine', () => {
  it('is refused', async () => {
    await openEngine('wasm');
    expect(() => computeIn('bfloat16', () => 0)).toThrow(
      expect.objectContaining({ code: 'PRECISION_UNAVAILABLE', kind: 'input' }),
    );
    expect(computeIn('float32', () => 1)).toBe(1);
  });
});
