import * as tf from '@tensorflow/tfjs-core';
import type { UNetSpec } from '../model/spec.js';
import type { Weights } from '../model/weights.js';
import { openGraphSession, type GraphSession } from '../tensor/graph/graphSession.js';
import type { NativeBackend } from '../tensor/graph/nativeBackend.js';
import { releaseHostMemory } from '../tensor/hostMemory.js';
import { BETA1, BETA2, clipScale, EPSILON } from './adam.js';
import { downloadBuckets, uploadBuckets, weightBuckets } from './bucketTransfer.js';
import { firstNotFinite } from './parameterBuckets.js';
import { dropoutFeeds } from './dropoutGraph.js';
import { batchTensors } from './loss.js';
import { batchKind, recordTrainingGraph, STATE_PARTS, type TrainingGraph } from './trainingGraph.js';
import type { MicroBatch, OptimizerState, StepOptions, TrainStep, UpdateSettings } from './trainStep.js';

/**
 * The eager training step recorded once and run as a graph: the same numbers, apart from rounding, in less time and memory.
 * Weights, moments and moving average live in the graph's session.
 *
 * @param batches micro-batches of every shape that will come
 * @throws Error when the network needs an operation that cannot be recorded; nothing is left behind
 */
export function createCompiledTrainStep(
  backend: NativeBackend,
  spec: UNetSpec,
  state: OptimizerState,
  batches: readonly MicroBatch[],
  options: StepOptions = {},
): TrainStep {
  const graph = recordTrainingGraph(backend, spec, weightBuckets(state.weights), batches, options);
  const session = openGraphSession(backend, graph.nodes);
  try {
    uploadState(session, graph, state);
  } catch (error) {
    session.dispose();
    throw error;
  }

  return {
    spec,

    update(batches, settings) {
      const count = batches.reduce((images, batch) => images + batch.count, 0);
      const perImageLoss = new Float32Array(count);
      let sum = 0;
      let gradientNorm = 0;
      let firstImage = 0;
      for (const batch of batches) {
        const { squaredError, total, squaredNorm } = accumulate(session, graph, spec, batch, settings, {
          firstImage,
          count,
        });
        perImageLoss.set(squaredError, firstImage);
        sum = total.reduce((before, loss) => before + loss, sum);
        gradientNorm = Math.sqrt(squaredNorm);
        firstImage += batch.count;
      }
      const loss = sum / count;
      if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) {
        applyGradients(session, graph, settings, clipScale(gradientNorm, settings.clip));
        return { loss, perImageLoss, gradientNorm };
      }
      const gradients = tf.tidy(() => session.run(new Map(), graph.gradients).map(host));
      return { loss, perImageLoss, gradientNorm, notFinite: firstNotFinite(graph.layout, gradients) };
    },

    snapshot: () => ({
      weights: download(session, graph, 'weights'),
      ema: download(session, graph, 'ema'),
      firstMoment: download(session, graph, 'firstMoment'),
      secondMoment: download(session, graph, 'secondMoment'),
    }),

    dispose() {
      session.dispose();
    },
  };
}

/**
 * Adds a micro-batch's gradients to those of the micro-batches before it.
 *
 * @returns its images' losses, and the squared norm of the gradients so far
 */
function accumulate(
  session: GraphSession,
  graph: TrainingGraph,
  spec: UNetSpec,
  batch: MicroBatch,
  settings: UpdateSettings,
  { firstImage, count }: { readonly firstImage: number; readonly count: number },
): { squaredError: Float32Array; total: Float32Array; squaredNorm: number } {
  const ports = graph.batches.get(batchKind(batch))!;
  return tf.tidy(() => {
    const feeds = new Map<string, tf.Tensor>([
      ...(Object.entries(batchTensors(spec, batch)) as [string, tf.Tensor | undefined][]).flatMap(([part, tensor]) =>
        tensor ? [[ports.inputs[part], tensor] as const] : [],
      ),
      [ports.share, tf.scalar(1 / count)],
      ...(ports.dropout ? dropoutFeeds(ports.dropout, settings, { first: firstImage, count: batch.count }) : []),
    ]);
    const stored = firstImage === 0 ? ports.first : ports.more;
    const fetched = session.run(feeds, [ports.squaredError, ports.total, stored]);
    const [squaredError, total, [squaredNorm]] = fetched.map(host);
    return { squaredError, total, squaredNorm };
  });
}

/** A copy: the engine hands out its own memory. */
function host(tensor: tf.Tensor): Float32Array {
  return Float32Array.from(tensor.dataSync<'float32'>());
}

/**
 * The numbers of Adam in the form `w' = w - stepSize * m' / (sqrt(v') + epsilon)`: the correction of v' is taken out of the
 * root, so both it and epsilon are divided by its root (arXiv 1412.6980, end of section 2).
 */
function applyGradients(
  session: GraphSession,
  { apply }: TrainingGraph,
  { update, learningRate, emaDecay }: UpdateSettings,
  gradientScale: number,
): void {
  const rootCorrection = Math.sqrt(1 - BETA2 ** update);
  tf.tidy(() => {
    const feeds = new Map<string, tf.Tensor>([
      [apply.gradientScale, tf.scalar(gradientScale)],
      [apply.stepSize, tf.scalar((learningRate / (1 - BETA1 ** update)) * rootCorrection)],
      [apply.epsilon, tf.scalar(EPSILON * rootCorrection)],
      [apply.addEma, tf.scalar(1 - emaDecay)],
    ]);
    session.run(feeds, [apply.done]);
  });
}

function uploadState(session: GraphSession, graph: TrainingGraph, state: OptimizerState): void {
  for (const part of STATE_PARTS) {
    const { inputs, assign } = graph.state[part];
    tf.tidy(() => {
      const flat = uploadBuckets(graph.layout, state[part]);
      session.run(new Map(inputs.map((input, index) => [input, flat[index]])), [assign]);
    });
    // The copies in the engine's layout.
    releaseHostMemory();
  }
}

function download(session: GraphSession, graph: TrainingGraph, part: keyof OptimizerState): Weights {
  const flat = tf.tidy(() => session.run(new Map(), graph.state[part].outputs)) as tf.Tensor1D[];
  try {
    return downloadBuckets(graph.layout, flat);
  } finally {
    tf.dispose(flat);
  }
}
