import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { imageIndices } from '../../src/data/epochOrder.js';

const KEY = { seed: 3, stream: 'base/images' };

function updates(from: number, to: number, count: number, batch: number, key = KEY): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => [...imageIndices(key, count, from + i, batch)]).flat();
}

describe('shuffled epochs', () => {
  it('each epoch visits each image exactly once, also when batches straddle its border', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 100 }), (count, batch) => {
        const stream = updates(1, Math.ceil((3 * count) / batch), count, batch);
        for (let epoch = 0; epoch < 3; epoch++) {
          const visited = stream.slice(epoch * count, (epoch + 1) * count).sort((a, b) => a - b);
          expect(visited).toEqual(Array.from({ length: count }, (_, i) => i));
        }
      }),
    );
  });

  it('an update is the same wherever one starts, and in any order', () => {
    const whole = updates(1, 40, 25, 7);
    for (const first of [40, 17, 2, 33])
      expect(updates(first, first, 25, 7)).toEqual(whole.slice((first - 1) * 7, first * 7));
    expect(updates(20, 40, 25, 7)).toEqual(whole.slice(19 * 7));
  });

  it('the size of the batch does not change the order', () => {
    expect(updates(1, 12, 30, 5)).toEqual(updates(1, 6, 30, 10));
  });

  it('epochs, seeds and streams differ', () => {
    const orders = [
      updates(1, 1, 50, 50),
      updates(2, 2, 50, 50),
      updates(1, 1, 50, 50, { ...KEY, seed: 4 }),
      updates(1, 1, 50, 50, { ...KEY, stream: 'experts/1/images' }),
    ];
    expect(new Set(orders.map(String)).size).toBe(4);
    expect(orders[0]).not.toEqual([...orders[0]].sort((a, b) => a - b));
  });

  it('updates count from 1', () => {
    expect(() => imageIndices(KEY, 10, 0, 4)).toThrow(RangeError);
  });
});
