import { networkLayers, type Layer } from './layers.js';
import type { UNetSpec } from './spec.js';

/**
 * Name and shape of every weight tensor, in alphabetical order (the order of the file), under diffusers' names and layouts:
 * convolutions (out, in, kh, kw), linears (out, in), norms and biases (channels).
 */
export function tensorShapes(spec: UNetSpec): Map<string, readonly number[]> {
  const shapes = networkLayers(spec).flatMap(layerShapes);
  return new Map(shapes.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function layerShapes(layer: Layer): [string, readonly number[]][] {
  const named = (weight: readonly number[], bias: number): [string, readonly number[]][] => [
    [`${layer.name}.weight`, weight],
    [`${layer.name}.bias`, [bias]],
  ];
  switch (layer.kind) {
    case 'conv':
      return named([layer.out, layer.in, layer.kernel, layer.kernel], layer.out);
    case 'linear':
      return named([layer.out, layer.in], layer.out);
    case 'norm':
      return named([layer.channels], layer.channels);
    case 'attention':
      return [];
  }
}
