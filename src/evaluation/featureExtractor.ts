/** Turns images into the feature vectors that distances are measured on. Its identity belongs to every value computed with it. */
export interface FeatureExtractor {
  /** Versioned name of the recipe, such as `fashion-mnist-16-v1`. */
  readonly id: string;
  /** What the metric is called in tables, such as `FD (fashion features)`. FID is reserved for Inception features. */
  readonly label: string;
  readonly dimensions: number;
  /** SHA-256 of the extractor's weights, hexadecimal: two values compare only where it is the same. */
  readonly hash: string;
  /** Held-out accuracy of the classifier behind the features, 0..1; null where there is no classifier. */
  readonly accuracy: number | null;
  /** How images are brought to the size of the network, for the protocol. */
  readonly resize: string;
  /** Side of the images it takes, pixels. */
  readonly size: number;
  readonly channels: number;
  /**
   * Features (count, dimensions), row-major, of images (count, size, size, channels) in [-1, 1]. Features of an image
   * do not depend on the images beside it, up to rounding.
   */
  extract(images: Float32Array, count: number, signal?: AbortSignal): Promise<Float64Array>;
}

/** Of extractors that are made for images of the data set's size. */
export const NO_RESIZE = 'none: images are generated at the size of the feature network';

/** Features (N, dimensions), row-major, as they are kept: networks compute in float32, so nothing is lost by storing that. */
export type FeatureRows = Float32Array | Float64Array;

/** An extractor that also knows classes, as the Inception Score needs. */
export interface ClassifyingExtractor extends FeatureExtractor {
  /** Class probabilities (count, 1008) from features (count, 2048). */
  classify(features: Float64Array, count: number, signal?: AbortSignal): Promise<Float64Array>;
}
