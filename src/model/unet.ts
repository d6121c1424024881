import * as tf from '@tensorflow/tfjs-core';
import { multiHeadAttention } from '../tensor/attention.js';
import { conv2d, type ConvolutionOptions } from '../tensor/convolution.js';
import { groupNorm, type NormOptions } from '../tensor/groupNorm.js';
import { linear } from '../tensor/linear.js';
import { recomputed } from '../tensor/recomputed.js';
import { silu } from '../tensor/silu.js';
import { upsampleNearest } from '../tensor/upsample.js';
import { channelSites } from './channelFlow.js';
import { residualBlocks } from './residualBlocks.js';
import type { RuntimeWeights } from './runtimeWeights.js';
import type { AttentionSpec, BlockSpec, ResBlockSpec, UNetSpec } from './spec.js';
import { timeEmbedding } from './timeEmbedding.js';

/** Dropout of one forward pass in training. */
export interface DropoutMasks {
  /**
   * What the input of a residual block's second convolution is multiplied by: 0, or 1 / (1 - rate).
   *
   * @param site index of the residual block in the order of the forward pass; the same in a network and its pruned copies
   * @param shape (N, H, W, inner channels)
   */
  mask(site: number, shape: number[]): tf.Tensor;
}

/**
 * The DDPM U-Net (arXiv 2006.11239): predicts the noise in `x`. Run it inside `tf.tidy`.
 *
 * @param x (N, size, size, inChannels) images in [-1, 1], noised to `timesteps`
 * @param timesteps (N) integers in [0, T), int32 or float32
 * @param dropout null outside training
 * @param checkpointing whether the insides of residual blocks are computed again for the gradients instead of being kept
 * @returns (N, size, size, outChannels)
 */
export function unetForward(
  spec: UNetSpec,
  weights: RuntimeWeights,
  x: tf.Tensor4D,
  timesteps: tf.Tensor1D,
  dropout: DropoutMasks | null,
  checkpointing = false,
): tf.Tensor4D {
  const pass = new ForwardPass(spec, weights, dropout, checkpointing);
  const time = pass.time(timesteps);

  let h = pass.conv(x, 'conv_in');
  const skips = [h];
  spec.down.forEach((level, i) => {
    level.blocks.forEach((block, j) => {
      h = pass.block(h, time, block, `down_blocks.${i}`, j);
      skips.push(h);
    });
    if (level.downsample !== null) {
      h = pass.conv(h, `down_blocks.${i}.downsamplers.0.conv`, { stride: 2, padding: 'bottom-right' });
      skips.push(h);
    }
  });

  h = pass.residual(h, time, spec.mid.first, 'mid_block.resnets.0');
  h = pass.attention(h, spec.mid.attention, 'mid_block.attentions.0');
  h = pass.residual(h, time, spec.mid.second, 'mid_block.resnets.1');

  spec.up.forEach((level, i) => {
    level.blocks.forEach((block, j) => {
      h = pass.block(tf.concat([h, skips.pop()!], 3), time, block, `up_blocks.${i}`, j);
    });
    if (level.upsample !== null) h = pass.conv(upsampleNearest(h), `up_blocks.${i}.upsamplers.0.conv`);
  });

  return pass.conv(pass.norm(h, 'conv_norm_out', spec.normOutGroups, { activation: 'silu' }), 'conv_out');
}

/**
 * One residual or attention block alone, as the forward pass of the whole network computes it. Run it inside `tf.tidy`.
 *
 * @param weights at least those of the block
 * @param name prefix of its tensors, e.g. `mid_block.resnets.0`
 * @param x (N, H, W, channels) its input
 * @param time (N, time.out) SiLU of the time embedding; attention does not read it
 * @throws RangeError for a name that is no block
 */
export function blockForward(
  spec: UNetSpec,
  weights: RuntimeWeights,
  name: string,
  x: tf.Tensor4D,
  time: tf.Tensor2D,
): tf.Tensor4D {
  const site = channelSites(spec).find((candidate) => candidate.name === name);
  const pass = new ForwardPass(spec, weights, null, false);
  if (site?.kind === 'residual') return pass.residual(x, time, site.res, name);
  if (site?.kind === 'attention') return pass.attention(x, site.attention, name);
  throw new RangeError(`${name} is no block of this network`);
}

/** The layers of one forward pass, by tensor name. */
class ForwardPass {
  /** Dropout site of each residual block. */
  private readonly sites: ReadonlyMap<string, number>;

  constructor(
    private readonly spec: UNetSpec,
    private readonly weights: RuntimeWeights,
    private readonly dropout: DropoutMasks | null,
    private readonly checkpointing: boolean,
  ) {
    this.sites = new Map(residualBlocks(spec).map(({ name }, site) => [name, site]));
  }

  /** SiLU of the time embedding, (N, time.out): what every block's time projection reads. */
  time(timesteps: tf.Tensor1D): tf.Tensor2D {
    const hidden = silu(this.linear(timeEmbedding(timesteps, this.spec.time.sinusoid), 'time_embedding.linear_1'));
    return silu(this.linear(hidden, 'time_embedding.linear_2'));
  }

  /**
   * Block `index` of a level: residual block, then attention where the level has it. Residual blocks and attention free what they
   * made on the way, unless a gradient needs it.
   */
  block(x: tf.Tensor4D, time: tf.Tensor2D, { res, attention }: BlockSpec, path: string, index: number): tf.Tensor4D {
    const h = this.residual(x, time, res, `${path}.resnets.${index}`);
    return attention ? this.attention(h, attention, `${path}.attentions.${index}`) : h;
  }

  residual(x: tf.Tensor4D, time: tf.Tensor2D, res: ResBlockSpec, name: string): tf.Tensor4D {
    const [count, height, width] = x.shape;
    const mask = this.dropout?.mask(this.sites.get(name)!, [count, height, width, res.inner]) ?? null;
    if (!this.checkpointing) return tf.tidy(() => this.residualBlock(x, time, res, name, mask));
    const names = [...this.weights.keys()].filter((tensor) => tensor.startsWith(`${name}.`));
    return recomputed(
      ([x, time, ...tensors], [mask = null]) => {
        const weights = new Map(names.map((tensor, index) => [tensor, tensors[index]]));
        const block = new ForwardPass(this.spec, weights, null, false);
        return block.residualBlock(x as tf.Tensor4D, time as tf.Tensor2D, res, name, mask);
      },
      [x, time, ...names.map((tensor) => this.weights.get(tensor)!)],
      mask === null ? [] : [mask],
    );
  }

  private residualBlock(
    x: tf.Tensor4D,
    time: tf.Tensor2D,
    res: ResBlockSpec,
    name: string,
    mask: tf.Tensor | null,
  ): tf.Tensor4D {
    let h = this.norm(x, `${name}.norm1`, res.norm1Groups, { activation: 'silu' });
    h = this.timeConditionedNorm(h, time, res, name);
    if (mask) h = tf.mul(h, mask);
    // The shortcut reads the input before its norm.
    const shortcut = res.shortcut ? this.conv(x, `${name}.conv_shortcut`) : x;
    // This kind of sum is one that a recorded graph computes together with the convolution.
    return tf.addN([shortcut, this.conv(h, `${name}.conv2`)]);
  }

  /**
   * First convolution, second norm and SiLU of a residual block. The norm is told the timestep by a bias before it, or by a scale
   * and a shift after it.
   */
  private timeConditionedNorm(x: tf.Tensor4D, time: tf.Tensor2D, res: ResBlockSpec, name: string): tf.Tensor4D {
    const projected = this.linear(time, `${name}.time_emb_proj`);
    const norm = (input: tf.Tensor4D, options?: NormOptions) =>
      this.norm(input, `${name}.norm2`, res.norm2Groups, options);
    if (!this.spec.scaleShift) {
      // Both biases at once, and where the engine can, with the norm: passes over the images less.
      const bias = tf.add<tf.Tensor2D>(projected, this.weight(`${name}.conv1`, 'bias'));
      return norm(conv2d(x, this.weight(`${name}.conv1`, 'weight'), null), { bias, activation: 'silu' });
    }
    const [scale, shift] = tf.split(projected, 2, 1).map((half) => tf.reshape(half, [-1, 1, 1, res.inner]));
    return silu(tf.add(tf.mul(norm(this.conv(x, `${name}.conv1`)), tf.add(scale, 1)), shift));
  }

  attention(x: tf.Tensor4D, spec: AttentionSpec, name: string): tf.Tensor4D {
    return tf.tidy(() => this.attentionSum(x, spec, name));
  }

  private attentionSum(x: tf.Tensor4D, spec: AttentionSpec, name: string): tf.Tensor4D {
    const [count, height, width, channels] = x.shape;
    const tokens = tf.reshape(this.norm(x, `${name}.group_norm`, spec.normGroups), [-1, channels]) as tf.Tensor2D;
    const project = (layer: string, out: number): tf.Tensor3D =>
      tf.reshape(this.linear(tokens, `${name}.${layer}`), [count, height * width, out]);
    const mixed = multiHeadAttention(
      project('to_q', spec.qk),
      project('to_k', spec.qk),
      project('to_v', spec.v),
      1 / Math.sqrt(spec.scaleWidth),
      spec.heads,
    );
    const out = this.linear(tf.reshape(mixed, [-1, spec.v]) as tf.Tensor2D, `${name}.to_out.0`);
    return tf.add(x, tf.reshape(out, x.shape));
  }

  conv(x: tf.Tensor4D, name: string, options?: ConvolutionOptions): tf.Tensor4D {
    return conv2d(x, this.weight(name, 'weight'), this.weight(name, 'bias'), options);
  }

  norm(x: tf.Tensor4D, name: string, groups: number, options?: NormOptions): tf.Tensor4D {
    return groupNorm(x, this.weight(name, 'weight'), this.weight(name, 'bias'), groups, this.spec.normEps, options);
  }

  private linear(x: tf.Tensor2D, name: string): tf.Tensor2D {
    return linear(x, this.weight(name, 'weight'), this.weight(name, 'bias'));
  }

  private weight<T extends tf.Tensor>(layer: string, part: 'weight' | 'bias'): T {
    return this.weights.get(`${layer}.${part}`) as T;
  }
}
