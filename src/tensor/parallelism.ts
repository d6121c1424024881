import * as tf from '@tensorflow/tfjs-core';

/**
 * What the processor's threads share: the work of every single operation, or the images of a batch, each thread taking a part of
 * them through the whole network on its own. The latter never waits for the other threads but at the end of a batch.
 */
export type Parallelism = 'operations' | 'images';

/** What a process is going to compute, for the choice between them. */
export interface Work {
  /** Of the largest network. */
  readonly parameters: number;
  /** Images of its smallest batch. */
  readonly images: number;
}

/** A graph has the operations of every part, and recording them takes that many times as long. */
const MOST_PARTS = 8;

/** Gradients that all threads together may hold: 400 MB. */
const MOST_GRADIENTS = 1e8;

/**
 * Images are shared out where every thread has two or more of them at a time, where the threads' gradients of the weights, one
 * of each weight for each thread, take little memory, and where there are not too many threads.
 */
export function chooseParallelism({ parameters, images }: Work, threads: number): Parallelism {
  const few = threads > 1 && threads <= MOST_PARTS;
  return few && images >= 2 * threads && parameters * threads <= MOST_GRADIENTS ? 'images' : 'operations';
}

let parts = 1;

/** Says into how many parts recorded graphs divide a batch: one for each thread that shares images, else 1. */
export function setImageParts(count: number): void {
  parts = count;
}

/** Sizes of the parts of `count` images: nearly equal, and none empty. */
export function partSizes(count: number): number[] {
  const used = Math.max(1, Math.min(parts, count));
  return Array.from(
    { length: used },
    (_, part) => Math.floor(((part + 1) * count) / used) - Math.floor((part * count) / used),
  );
}

/**
 * Divides tensors along their first axis, which is as long in all of them, computes with every part, and joins the results. Worth
 * while in a recorded graph alone, whose operations run as soon as their inputs are there.
 */
export function inParts<T extends tf.Tensor>(
  tensors: readonly tf.Tensor[],
  compute: (tensors: readonly tf.Tensor[]) => T,
): T {
  const sizes = partSizes(tensors[0].shape[0]!);
  if (sizes.length === 1) return compute(tensors);
  const divided = tensors.map((tensor) => tf.split(tensor, sizes));
  return tf.concat(sizes.map((_, part) => compute(divided.map((pieces) => pieces[part]))));
}
