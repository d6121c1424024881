import { describe, expect, it } from 'vitest';
import { spearman } from '../../src/method/rankCorrelation.js';

describe('spearman', () => {
  it('equals scipy.stats.spearmanr, ties included', () => {
    expect(spearman([1, 2, 3, 4, 5], [5, 6, 7, 8, 7])).toBeCloseTo(0.8207826816681233, 12);
    expect(spearman([3, 1, 3, 2, 2, 9], [0.1, 0.1, 0.4, 0.3, 0.2, 0.1])).toBeCloseTo(-0.06253053994807224, 12);
  });

  it('sees order alone', () => {
    expect(spearman([1, 10, 100], [-3, -2, 7])).toBe(1);
    expect(spearman([1, 10, 100], [7, -2, -3])).toBe(-1);
  });

  it('is undefined where one side does not vary', () => {
    expect(spearman([1, 2, 3], [4, 4, 4])).toBeNull();
    expect(spearman([1], [1])).toBeNull();
  });
});
