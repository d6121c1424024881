import * as tf from '@tensorflow/tfjs-core';
import type { UNetSpec } from '../model/spec.js';
import { unetForward } from '../model/unet.js';
import { computeIn } from '../tensor/precision.js';
import { adamUpdate, clipScale, type AdamSlots } from './adam.js';
import { downloadBuckets, uploadBuckets, weightBuckets } from './bucketTransfer.js';
import { dropoutMasks } from './dropoutMasks.js';
import { batchTensors, imageLosses } from './loss.js';
import { firstNotFinite, sumOfSquares, unpackBuckets, type BucketLayout } from './parameterBuckets.js';
import type { MicroBatch, OptimizerState, StepOptions, TrainStep, UpdateSettings } from './trainStep.js';

/**
 * A training step made of the engine's eager operations, on every engine: the source of truth for faster ones.
 *
 * Gradients are those of the mean of `imageLosses(...).total` over all images of all micro-batches, so dividing a batch into
 * micro-batches changes memory and nothing else. When the loss or the gradient norm is not finite the state stays as it was
 * and the result says so.
 */
export function createEagerTrainStep(spec: UNetSpec, state: OptimizerState, options: StepOptions = {}): TrainStep {
  const layout = weightBuckets(state.weights);
  const weights = uploadBuckets(layout, state.weights);
  const ema = uploadBuckets(layout, state.ema);
  const firstMoment = uploadBuckets(layout, state.firstMoment);
  const secondMoment = uploadBuckets(layout, state.secondMoment);
  let slots: AdamSlots[] = weights.map((bucket, index) => ({
    weights: bucket,
    ema: ema[index],
    firstMoment: firstMoment[index],
    secondMoment: secondMoment[index],
  }));

  const download = (part: keyof AdamSlots) =>
    downloadBuckets(
      layout,
      slots.map((slot) => slot[part]),
    );

  return {
    spec,

    update(batches, settings) {
      const count = batches.reduce((sum, batch) => sum + batch.count, 0);
      const perImageLoss = new Float32Array(count);
      const { loss, gradients } = computeIn(options.precision ?? 'float32', () =>
        accumulate(spec, layout, slots, batches, settings, perImageLoss, options.gradientCheckpointing ?? false),
      );
      const gradientNorm = Math.sqrt(tf.tidy(() => sumOfSquares(gradients).dataSync()[0]));
      if (Number.isFinite(loss) && Number.isFinite(gradientNorm)) {
        slots = adamUpdate(slots, gradients, { ...settings, gradientScale: clipScale(gradientNorm, settings.clip) });
        return { loss, perImageLoss, gradientNorm };
      }
      const values = gradients.map((bucket) => bucket.dataSync<'float32'>());
      const notFinite = firstNotFinite(layout, values);
      tf.dispose(gradients);
      return { loss, perImageLoss, gradientNorm, notFinite };
    },

    snapshot: () => ({
      weights: download('weights'),
      ema: download('ema'),
      firstMoment: download('firstMoment'),
      secondMoment: download('secondMoment'),
    }),

    dispose() {
      tf.dispose(slots);
      slots = [];
    },
  };
}

/** Loss and gradients of the whole batch, one micro-batch at a time. Fills `perImageLoss` with the unweighted squared errors. */
function accumulate(
  spec: UNetSpec,
  layout: BucketLayout,
  slots: readonly AdamSlots[],
  batches: readonly MicroBatch[],
  settings: UpdateSettings,
  perImageLoss: Float32Array,
  checkpointing: boolean,
): { loss: number; gradients: tf.Tensor1D[] } {
  const flatWeights = slots.map((slot) => slot.weights);
  let gradients: tf.Tensor1D[] | null = null;
  let sum = 0;
  let firstImage = 0;
  for (const batch of batches) {
    const offset = firstImage;
    const previous: tf.Tensor1D[] | null = gradients;
    try {
      gradients = tf.tidy(() => {
        const tensors = batchTensors(spec, batch);
        const masks = spec.dropout > 0 ? dropoutMasks(spec.dropout, settings, offset) : null;
        const share = tf.scalar(1 / perImageLoss.length);
        const lossOf = (...flat: tf.Tensor[]): tf.Scalar => {
          const network = unpackBuckets(layout, flat as tf.Tensor1D[]);
          const output = unetForward(spec, network, tensors.xt, tensors.timesteps, masks, checkpointing);
          const { squaredError, total } = imageLosses(output, tensors);
          perImageLoss.set(squaredError.dataSync<'float32'>(), offset);
          sum = total.dataSync<'float32'>().reduce((before, loss) => before + loss, sum);
          return tf.mul(tf.sum(total), share);
        };
        const { grads } = tf.valueAndGrads(lossOf)(flatWeights);
        return grads.map((gradient, index) => (previous ? tf.add(previous[index], gradient) : gradient) as tf.Tensor1D);
      });
    } finally {
      tf.dispose(previous ?? []);
    }
    firstImage += batch.count;
  }
  return { loss: sum / perImageLoss.length, gradients: gradients ?? [] };
}
