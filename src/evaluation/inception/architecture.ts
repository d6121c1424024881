/**
 * The InceptionV3 of 5 December 2015 that FID is defined on (Szegedy et al. 2015, arXiv 1512.00567; Heusel et al. 2017,
 * arXiv 1706.08500), as data. Tensor names are those of pytorch-fid's weight file. The last convolution before the class head
 * is 8 x 8 x 2048; widths of the other feature layers are 64, 192 and 768.
 */

/** A convolution with batch normalisation and ReLU. Kernels are (height, width). */
export interface Convolution {
  readonly name: string;
  readonly kernel: readonly [number, number];
  readonly output: number;
  /** Default 1. Stride 2 goes without padding. */
  readonly stride?: 2;
  /** Whether zeros keep the size; default: yes for stride 1. */
  readonly valid?: true;
}

/** How a block's pool branch works: averages leave the padding out; `halve` is a maximum with stride 2. */
export type PoolKind = 'average' | 'maximum' | 'halve';

/** A chain of layers; the last step may fork into several whose outputs are joined. */
export interface Branch {
  readonly pool?: PoolKind;
  readonly chain: readonly Convolution[];
  readonly fork?: readonly Convolution[];
}

/** Branches of one input, joined along the channels in order. */
export interface Block {
  readonly name: string;
  readonly branches: readonly Branch[];
}

export type Layer = { readonly convolution: Convolution } | { readonly pool: 'halve' } | { readonly block: Block };

/** Sizes of the features, by where they are taken: after the first and second pooling, before the last blocks, at the end. */
export const FEATURE_DIMENSIONS = [64, 192, 768, 2048] as const;
export type InceptionDimensions = (typeof FEATURE_DIMENSIONS)[number];

/** Scores of the class head, 1000 classes of ImageNet and 8 unused ones. */
export const CLASSES = 1008;
/** Side that images are brought to, pixels. */
export const INPUT_SIZE = 299;
/** Added to the variances of the batch normalisations. */
export const BATCH_NORM_EPSILON = 1e-3;

const conv = (name: string, height: number, width: number, output: number): Convolution => ({
  name,
  kernel: [height, width],
  output,
});
const halving = (name: string, output: number): Convolution => ({ name, kernel: [3, 3], output, stride: 2 });

/** 35 x 35 (figure 5 of the paper). */
function blockA(name: string, poolFeatures: number): Block {
  return {
    name,
    branches: [
      { chain: [conv('branch1x1', 1, 1, 64)] },
      { chain: [conv('branch5x5_1', 1, 1, 48), conv('branch5x5_2', 5, 5, 64)] },
      { chain: [conv('branch3x3dbl_1', 1, 1, 64), conv('branch3x3dbl_2', 3, 3, 96), conv('branch3x3dbl_3', 3, 3, 96)] },
      { pool: 'average', chain: [conv('branch_pool', 1, 1, poolFeatures)] },
    ],
  };
}

/** 35 x 35 to 17 x 17. */
function blockB(name: string): Block {
  return {
    name,
    branches: [
      { chain: [halving('branch3x3', 384)] },
      { chain: [conv('branch3x3dbl_1', 1, 1, 64), conv('branch3x3dbl_2', 3, 3, 96), halving('branch3x3dbl_3', 96)] },
      { pool: 'halve', chain: [] },
    ],
  };
}

/** 17 x 17 with factorised 7 x 7 convolutions (figure 6). */
function blockC(name: string, inner: number): Block {
  return {
    name,
    branches: [
      { chain: [conv('branch1x1', 1, 1, 192)] },
      { chain: [conv('branch7x7_1', 1, 1, inner), conv('branch7x7_2', 1, 7, inner), conv('branch7x7_3', 7, 1, 192)] },
      {
        chain: [
          conv('branch7x7dbl_1', 1, 1, inner),
          conv('branch7x7dbl_2', 7, 1, inner),
          conv('branch7x7dbl_3', 1, 7, inner),
          conv('branch7x7dbl_4', 7, 1, inner),
          conv('branch7x7dbl_5', 1, 7, 192),
        ],
      },
      { pool: 'average', chain: [conv('branch_pool', 1, 1, 192)] },
    ],
  };
}

/** 17 x 17 to 8 x 8. */
function blockD(name: string): Block {
  return {
    name,
    branches: [
      { chain: [conv('branch3x3_1', 1, 1, 192), halving('branch3x3_2', 320)] },
      {
        chain: [
          conv('branch7x7x3_1', 1, 1, 192),
          conv('branch7x7x3_2', 1, 7, 192),
          conv('branch7x7x3_3', 7, 1, 192),
          halving('branch7x7x3_4', 192),
        ],
      },
      { pool: 'halve', chain: [] },
    ],
  };
}

/** 8 x 8 with forked 3 x 3 convolutions (figure 7). The published weights have a maximum in the last block's pool branch. */
function blockE(name: string, pool: 'average' | 'maximum'): Block {
  return {
    name,
    branches: [
      { chain: [conv('branch1x1', 1, 1, 320)] },
      {
        chain: [conv('branch3x3_1', 1, 1, 384)],
        fork: [conv('branch3x3_2a', 1, 3, 384), conv('branch3x3_2b', 3, 1, 384)],
      },
      {
        chain: [conv('branch3x3dbl_1', 1, 1, 448), conv('branch3x3dbl_2', 3, 3, 384)],
        fork: [conv('branch3x3dbl_3a', 1, 3, 384), conv('branch3x3dbl_3b', 3, 1, 384)],
      },
      { pool, chain: [conv('branch_pool', 1, 1, 192)] },
    ],
  };
}

/** The network in four parts; the features of size `FEATURE_DIMENSIONS[i]` are the mean over the pixels after part i. */
export const PARTS: readonly (readonly Layer[])[] = [
  [
    { convolution: halving('Conv2d_1a_3x3', 32) },
    { convolution: { ...conv('Conv2d_2a_3x3', 3, 3, 32), valid: true } },
    { convolution: conv('Conv2d_2b_3x3', 3, 3, 64) },
    { pool: 'halve' },
  ],
  [
    { convolution: conv('Conv2d_3b_1x1', 1, 1, 80) },
    { convolution: { ...conv('Conv2d_4a_3x3', 3, 3, 192), valid: true } },
    { pool: 'halve' },
  ],
  [
    { block: blockA('Mixed_5b', 32) },
    { block: blockA('Mixed_5c', 64) },
    { block: blockA('Mixed_5d', 64) },
    { block: blockB('Mixed_6a') },
    { block: blockC('Mixed_6b', 128) },
    { block: blockC('Mixed_6c', 160) },
    { block: blockC('Mixed_6d', 160) },
    { block: blockC('Mixed_6e', 192) },
  ],
  [{ block: blockD('Mixed_7a') }, { block: blockE('Mixed_7b', 'average') }, { block: blockE('Mixed_7c', 'maximum') }],
];

/** Name and kernel shape (height, width, in, out) of every convolution, in order. */
export function convolutionShapes(): Map<string, readonly [number, number, number, number]> {
  const shapes = new Map<string, readonly [number, number, number, number]>();
  let width = 3;
  const add = (prefix: string, { name, kernel, output }: Convolution, input: number): number => {
    shapes.set(`${prefix}${name}`, [kernel[0], kernel[1], input, output]);
    return output;
  };
  for (const layer of PARTS.flat()) {
    if ('convolution' in layer) width = add('', layer.convolution, width);
    if (!('block' in layer)) continue;
    const { name, branches } = layer.block;
    const input = width;
    width = branches.reduce((joined, { chain, fork = [] }) => {
      const end = chain.reduce((channels, convolution) => add(`${name}.`, convolution, channels), input);
      const forked = fork.reduce((sum, convolution) => sum + add(`${name}.`, convolution, end), 0);
      return joined + (fork.length > 0 ? forked : end);
    }, 0);
  }
  return shapes;
}
