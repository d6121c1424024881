import type { SetComparison, MeasuredSet } from './compareSets.js';
import type { FeatureExtractor } from './featureExtractor.js';
import { kernelLabel } from './protocol.js';

/** What the distances between two sets of images depend on; of saved statistics only what they tell. */
export interface SetProtocol {
  readonly metric: string;
  readonly features: { readonly id: string; readonly hash: string; readonly dimensions: number } | null;
  /** Generated images first, then the reference. `hash` is a SHA-256 of the decoded pixels, or of mean and covariance. */
  readonly sets: readonly { readonly path: string; readonly images: number | null; readonly hash: string }[];
  readonly resize: string;
  readonly covariance: 'n - 1';
  readonly kernel?: {
    readonly formula: '(x.y / d + 1)^3';
    readonly subsets: number;
    readonly subsetSize: number;
    readonly seed: number;
  };
  readonly neighbours?: number;
  readonly splits?: number;
  readonly software: string;
}

/** The protocol of one comparison. `extractor` is null where both sides are saved statistics. */
export function describeSetProtocol(options: {
  readonly extractor: FeatureExtractor | null;
  readonly sets: readonly MeasuredSet[];
  readonly comparison: SetComparison;
  readonly kernelSeed: number;
  readonly software: string;
}): SetProtocol {
  const { extractor, sets, comparison, kernelSeed, software } = options;
  const { kid, precisionRecall, inceptionScore } = comparison;
  return {
    metric: extractor?.label ?? `FD (saved statistics, ${sets[0].moments.dimensions} dimensions)`,
    features: extractor && { id: extractor.id, hash: extractor.hash, dimensions: extractor.dimensions },
    sets: sets.map(({ path, count, hash }) => ({ path, images: count, hash })),
    resize: resizeRule(extractor),
    covariance: 'n - 1',
    ...(kid && {
      kernel: { formula: '(x.y / d + 1)^3', subsets: kid.subsets, subsetSize: kid.subsetSize, seed: kernelSeed },
    }),
    ...(precisionRecall && { neighbours: precisionRecall.neighbours }),
    ...(inceptionScore && { splits: inceptionScore.splits }),
    software,
  };
}

function resizeRule(extractor: FeatureExtractor | null): string {
  if (extractor === null) return 'unknown: saved statistics';
  if ('extractAny' in extractor) return extractor.resize;
  return `npz: none; folders: centre crop to a square, Lanczos to ${extractor.size} x ${extractor.size}`;
}

/** The card in words, one entry a line of it. */
export function setProtocolEntries(protocol: SetProtocol): [name: string, value: string][] {
  const { features, sets, kernel, neighbours, splits } = protocol;
  const roles = ['images', 'reference'];
  return [
    ['metric', protocol.metric],
    ...(features === null
      ? []
      : [pair('features', `${features.id}, ${features.dimensions} dimensions, SHA-256 ${features.hash}`)]),
    ...sets.map(({ path, images, hash }, index) =>
      pair(roles[index], `${path}: ${images === null ? 'saved statistics' : `${images} images`}, SHA-256 ${hash}`),
    ),
    ['resize', protocol.resize],
    ['covariance', `divided by ${protocol.covariance}`],
    ...(kernel === undefined
      ? []
      : [
          pair(
            kernelLabel(protocol.metric),
            `${kernel.formula}, ${kernel.subsets} subsets of ${kernel.subsetSize}, seed ${kernel.seed}`,
          ),
        ]),
    ...(neighbours === undefined ? [] : [pair('neighbours', String(neighbours))]),
    ...(splits === undefined ? [] : [pair('splits', String(splits))]),
    ['software', protocol.software],
  ];
}

function pair(name: string, value: string): [string, string] {
  return [name, value];
}
