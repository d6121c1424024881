/**
 * The shape of a denoiser, with every width explicit, so that a pruned network is just another specification. The spec is
 * the only truth about shapes: forward pass, counter, initialisation, slicing and loaders all read it.
 *
 * Names follow the DDPM U-Net (arXiv 2006.11239) and diffusers' `UNet2DModel`.
 */

export interface ResBlockSpec {
  /** Input channels; in the up path, current + skip. */
  readonly in: number;
  /** Channels between the two convolutions: the width that can be pruned without touching anything outside the block. */
  readonly inner: number;
  readonly out: number;
  readonly norm1Groups: number;
  readonly norm2Groups: number;
  /**
   * Whether a 1x1 convolution of the input replaces the identity around the block. Not the same as `in !== out`: pruning can
   * make both widths equal by chance.
   */
  readonly shortcut: boolean;
}

export interface AttentionSpec {
  /** Channels of the stream it reads and adds to. */
  readonly channels: number;
  /** Width of the query and key projections. */
  readonly qk: number;
  /** Width of the value projection. */
  readonly v: number;
  readonly normGroups: number;
  /** Equal parts of q, k and v that attend on their own; divides `qk` and `v`. */
  readonly heads: number;
  /** What scores are divided by: sqrt of the width a head was trained with, kept when q and k are pruned. */
  readonly scaleWidth: number;
}

export interface BlockSpec {
  readonly res: ResBlockSpec;
  readonly attention: AttentionSpec | null;
}

export interface DownLevelSpec {
  readonly blocks: readonly BlockSpec[];
  /** Output channels of the strided convolution; null at the lowest level. */
  readonly downsample: number | null;
}

export interface UpLevelSpec {
  readonly blocks: readonly BlockSpec[];
  /** Output channels of the convolution after nearest-neighbour doubling; null at the highest resolution. */
  readonly upsample: number | null;
}

export interface UNetSpec {
  /** Side of the square images, pixels. */
  readonly size: number;
  readonly inChannels: number;
  /** As many as `inChannels`, or twice as many where the network learns the variance of a step too. */
  readonly outChannels: number;
  readonly time: {
    /** Width of the sinusoidal embedding. */
    readonly sinusoid: number;
    readonly hidden: number;
    readonly out: number;
  };
  /**
   * Whether the time projection of a residual block gives a scale and a shift for its second norm (improved DDPM, arXiv
   * 2102.09672), in place of a bias before it. The projection is then twice as wide as the block: scales, then shifts.
   */
  readonly scaleShift: boolean;
  readonly convIn: number;
  /** Highest resolution first. */
  readonly down: readonly DownLevelSpec[];
  readonly mid: { readonly first: ResBlockSpec; readonly attention: AttentionSpec; readonly second: ResBlockSpec };
  /** Lowest resolution first, as diffusers numbers `up_blocks`. */
  readonly up: readonly UpLevelSpec[];
  readonly normOutGroups: number;
  readonly normEps: number;
  readonly dropout: number;
}
