import { networkLayers, type Layer } from './layers.js';
import type { UNetSpec } from './spec.js';
import { tensorShapes } from './tensorShapes.js';

/** Size and cost of a network; costs are those of one forward pass of one image. */
export interface ModelCount {
  readonly parameters: number;
  readonly tensors: number;
  /** Multiply-accumulates of convolutions and linear layers. */
  readonly macs: number;
  /** Multiply-accumulates of the attention's two matrix products, q·kᵀ and scores·v. */
  readonly attentionMacs: number;
  /**
   * The count that pruning papers print for these networks (Diff-Pruning, arXiv 2305.10924): `macs`, plus one per bias
   * addition, plus two per element of every norm; attention products are not counted.
   */
  readonly macsPublished: number;
}

/** One layer's share of `ModelCount`. */
export interface LayerMacs {
  /** Prefix of the layer's tensors, or of the attention block whose products they are. */
  readonly name: string;
  readonly macs: number;
  readonly attentionMacs: number;
  readonly macsPublished: number;
}

/** Counts parameters and multiply-accumulates from the spec alone. */
export function countModel(spec: UNetSpec): ModelCount {
  const shapes = [...tensorShapes(spec).values()];
  const layers = layerMacs(spec);
  const sum = (part: 'macs' | 'attentionMacs' | 'macsPublished') =>
    layers.reduce((total, layer) => total + layer[part], 0);
  return {
    parameters: shapes.reduce((total, shape) => total + shape.reduce((product, length) => product * length, 1), 0),
    tensors: shapes.length,
    macs: sum('macs'),
    attentionMacs: sum('attentionMacs'),
    macsPublished: sum('macsPublished'),
  };
}

/** `ModelCount.macs` alone. */
export function networkMacs(spec: UNetSpec): number {
  return networkLayers(spec).reduce((total, layer) => total + weightMacs(layer), 0);
}

/** Multiply-accumulates of each layer, in the order of the forward pass. */
export function layerMacs(spec: UNetSpec): LayerMacs[] {
  return networkLayers(spec).map((layer) => {
    const macs = weightMacs(layer);
    const attentionMacs = layer.kind === 'attention' ? layer.tokens ** 2 * (layer.qk + layer.v) : 0;
    return { name: layer.name, macs, attentionMacs, macsPublished: macs + biasAndNormOperations(layer) };
  });
}

function weightMacs(layer: Layer): number {
  switch (layer.kind) {
    case 'conv':
      return layer.kernel ** 2 * layer.in * layer.out * layer.side ** 2;
    case 'linear':
      return layer.in * layer.out * layer.positions;
    default:
      return 0;
  }
}

/** The published convention was taken on a network whose attention projections are 1x1 convolutions: a bias per position. */
function biasAndNormOperations(layer: Layer): number {
  switch (layer.kind) {
    case 'conv':
      return layer.out * layer.side ** 2;
    case 'linear':
      return layer.out * layer.positions;
    case 'norm':
      return 2 * layer.channels * layer.side ** 2;
    case 'attention':
      return 0;
  }
}
