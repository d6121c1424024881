/**
 * Weights in host memory, under diffusers' names and layouts: convolutions (out, in, kh, kw), linears (out, in), norms and
 * biases (channels). Slicing, checkpoints and importance work on these; `runtimeWeights.ts` alone knows the engine's layout.
 */

export interface WeightArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Tensor name (`down_blocks.0.resnets.0.conv1.weight`) to values. */
export type Weights = ReadonlyMap<string, WeightArray>;
