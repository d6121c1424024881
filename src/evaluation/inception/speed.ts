import * as tf from '@tensorflow/tfjs-core';
import { CLASSES, convolutionShapes, FEATURE_DIMENSIONS } from './architecture.js';
import { runInception } from './recordedNetwork.js';

const IMAGES = 8;
const SIZE = 32;

/**
 * Seconds that the Inception network takes for an image on the open engine, measured on a few images. Its time does not depend
 * on what the weights are, so none are needed.
 */
export async function secondsPerInceptionImage(): Promise<number> {
  const tensors = new Map<string, tf.Tensor>();
  for (const [name, shape] of convolutionShapes()) {
    tensors.set(`${name}.kernel`, tf.zeros([...shape]));
    tensors.set(`${name}.bias`, tf.zeros([shape[3]]));
  }
  tensors.set('fc.kernel', tf.zeros([FEATURE_DIMENSIONS[3], CLASSES]));
  tensors.set('fc.bias', tf.zeros([CLASSES]));
  const images = tf.zeros<tf.Rank.R4>([IMAGES, SIZE, SIZE, 3]);
  const once = async () => {
    const features = runInception(tensors, images, 2048);
    await features.data();
    features.dispose();
  };
  try {
    await once();
    const started = performance.now();
    await once();
    return (performance.now() - started) / 1000 / IMAGES;
  } finally {
    tf.dispose([images, ...tensors.values()]);
  }
}
