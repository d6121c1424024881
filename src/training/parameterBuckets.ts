import * as tf from '@tensorflow/tfjs-core';

/**
 * A network's tensors packed into a few flat vectors. Adam, clipping and the moving average are element by element, so they
 * run on whole buckets: tens of engine calls for hundreds of tensors. The forward pass takes the tensors apart again with one
 * split per bucket, whose gradient is the bucket's gradient.
 */
export interface BucketLayout {
  readonly buckets: readonly (readonly Slot[])[];
}

interface Slot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
}

/** Elements after which a bucket is closed: 4 MiB, so that the vectors of one bucket's update stay in a processor's cache. */
const BUCKET_ELEMENTS = 1 << 20;

/** Tensors of this many elements have a bucket of their own: beyond it, copying costs more than a call. */
const LARGE_TENSOR = 1 << 16;

/**
 * Assigns tensors to buckets in the order of their names, so that sums over buckets round the same wherever the tensors came
 * from; a tensor is never divided.
 */
export function bucketLayout(
  tensors: ReadonlyMap<string, { readonly shape: readonly number[]; readonly size: number }>,
): BucketLayout {
  const buckets: Slot[][] = [];
  let shared: Slot[] = [];
  let elements = Infinity;
  for (const [name, { shape, size }] of [...tensors].sort(byName)) {
    const slot = { name, shape, size };
    if (size >= LARGE_TENSOR) {
      buckets.push([slot]);
      continue;
    }
    if (elements >= BUCKET_ELEMENTS) {
      shared = [];
      buckets.push(shared);
      elements = 0;
    }
    shared.push(slot);
    elements += size;
  }
  return { buckets };
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1;
}

/** Copies the tensors of `layout` into its flat vectors. */
export function packBuckets(layout: BucketLayout, tensors: ReadonlyMap<string, tf.Tensor>): tf.Tensor1D[] {
  return layout.buckets.map((slots) =>
    tf.tidy(() =>
      tf.concat1d(
        slots.map(({ name }) => {
          const tensor = tensors.get(name);
          if (!tensor) throw new Error(`no tensor ${name} to pack`);
          return tf.reshape(tensor, [-1]) as tf.Tensor1D;
        }),
      ),
    ),
  );
}

/** The tensors of `layout` in the order of their names, taken from its flat vectors; differentiable. */
export function unpackBuckets(layout: BucketLayout, flat: readonly tf.Tensor1D[]): Map<string, tf.Tensor> {
  const tensors: [string, tf.Tensor][] = [];
  layout.buckets.forEach((slots, index) => {
    const parts =
      slots.length === 1
        ? [flat[index]]
        : tf.split(
            flat[index],
            slots.map(({ size }) => size),
          );
    slots.forEach(({ name, shape }, part) => tensors.push([name, tf.reshape(parts[part], [...shape])]));
  });
  return new Map(tensors.sort(byName));
}

/**
 * The first tensor, in the order of the layout, with a value that is not finite.
 * @param flat values of the buckets
 * @returns its name; null when all are finite
 */
export function firstNotFinite(layout: BucketLayout, flat: readonly Float32Array[]): string | null {
  for (const [index, slots] of layout.buckets.entries()) {
    let first = 0;
    for (const { name, size } of slots) {
      if (!flat[index].subarray(first, first + size).every(Number.isFinite)) return name;
      first += size;
    }
  }
  return null;
}

/** Width of the rows summed first: partial sums keep the rounding error of a long float32 sum small on every engine. */
const SUM_ROW = 1024;

/** Sum of squares over all buckets, as a scalar. */
export function sumOfSquares(flat: readonly tf.Tensor1D[]): tf.Scalar {
  return tf.tidy(() => {
    const perBucket = flat.map((bucket) => {
      const rows = Math.ceil(bucket.size / SUM_ROW);
      const padded = tf.pad(bucket, [[0, rows * SUM_ROW - bucket.size]]);
      return tf.sum(tf.sum(tf.reshape(tf.square(padded), [rows, SUM_ROW]), 1));
    });
    return tf.sum<tf.Scalar>(tf.stack(perBucket));
  });
}
