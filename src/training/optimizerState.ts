import type { WeightArray, Weights } from '../model/weights.js';
import type { OptimizerState } from './trainStep.js';

/** The state before the first update: the moving average starts as a copy of the weights, both moments of Adam at zero. */
export function freshOptimizerState(weights: Weights): OptimizerState {
  return {
    weights,
    ema: mapArrays(weights, (data) => data.slice()),
    firstMoment: mapArrays(weights, (data) => new Float32Array(data.length)),
    secondMoment: mapArrays(weights, (data) => new Float32Array(data.length)),
  };
}

function mapArrays(weights: Weights, make: (data: Float32Array) => Float32Array): Weights {
  return new Map<string, WeightArray>(
    Array.from(weights, ([name, { shape, data }]) => [name, { shape, data: make(data) }]),
  );
}
