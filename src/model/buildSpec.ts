import type { DiffusionConfig, ModelConfig } from '../contract/config.js';
import { inputError } from '../contract/errors.js';
import type { UNetSpec } from './spec.js';
import { standardSpec } from './standardSpec.js';

/** Variance floor of every GroupNorm of the published network (and of diffusers' port of it). */
const NORM_EPS = 1e-6;

/**
 * The network that a config asks for.
 *
 * @param diffusion a learned variance doubles the output channels
 * @throws `MODEL_SHAPE` when sizes or norm groups do not divide, heads do not divide channels, or attention is asked at a
 * resolution that no level has
 */
export function buildUNetSpec(
  model: ModelConfig,
  image: { size: number; channels: number },
  diffusion: Pick<DiffusionConfig, 'variance'> = { variance: 'fixed' },
): UNetSpec {
  const sides = model.multipliers.map((_, level) => image.size / 2 ** level);
  const spec = standardSpec({
    size: image.size,
    inChannels: image.channels,
    outChannels: image.channels * (diffusion.variance === 'learned-range' ? 2 : 1),
    levels: model.multipliers.map((multiplier, level) => {
      const attention = model.attention.includes(sides[level]);
      return {
        channels: model.channels * multiplier,
        downAttention: attention,
        upAttention: attention,
        heads: model.attentionHeads,
      };
    }),
    blocks: model.blocks,
    normGroups: model.normGroups,
    normEps: NORM_EPS,
    dropout: model.dropout,
    scaleShift: model.scaleShiftNorm,
  });
  const missing = model.attention.find((side) => !sides.includes(side));
  if (missing !== undefined) {
    throw inputError(
      'MODEL_SHAPE',
      `attention is asked for at ${missing} pixels, where the network has no level`,
      `its levels have ${sides.join(', ')} pixels: choose model.attention among them`,
    );
  }
  return spec;
}
