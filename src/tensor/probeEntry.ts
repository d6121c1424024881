/**
 * Entry of the child process that `probeEngines` starts, with the engine's name as its argument: opens that engine, runs one
 * convolution, and prints one JSON line.
 */
import * as tf from '@tensorflow/tfjs-core';
import { describeError } from '../contract/errors.js';
import { conv2d } from './convolution.js';
import type { EngineId } from './engine.js';
import { openEngine } from './openEngine.js';
import type { ProbeReport } from './probeEngines.js';

process.stdout.write(`${JSON.stringify(await probe(process.argv[2] as EngineId))}\n`);

async function probe(id: EngineId): Promise<ProbeReport> {
  try {
    const { version, device } = await openEngine(id);
    // Counts each pixel's neighbours, itself included: 4 in a corner of a 3x3 image, 6 at an edge, 9 in the middle.
    const counts = tf.tidy(() => conv2d(tf.ones([1, 3, 3, 1]), tf.ones([3, 3, 1, 1]), null).dataSync());
    const right = Array.from(counts).join() === '4,6,4,6,9,6,4,6,4';
    return { version, device, reason: right ? null : `a convolution gave ${Array.from(counts).join()}` };
  } catch (error) {
    return { version: null, device: null, reason: describeError(error).message };
  }
}
