import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupOfTimestep, groupsFromBounds } from '../../src/method/timestepGroups.js';

const boundsArbitrary = fc
  .uniqueArray(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 20 })
  .map((inner) => [0, ...inner.sort((a, b) => a - b)]);

describe('timestep groups', () => {
  it('puts every timestep into exactly one group, the one that groupOfTimestep names', () => {
    fc.assert(
      fc.property(boundsArbitrary, (bounds) => {
        const groups = groupsFromBounds(bounds);
        for (let t = 0; t < bounds[bounds.length - 1]; t++) {
          const owners = groups.filter((group) => t >= group.from && t < group.to).map((group) => group.index);
          expect(owners).toEqual([groupOfTimestep(bounds, t)]);
        }
      }),
    );
  });

  it('gives a border timestep to the group that begins there', () => {
    expect([199, 200, 201].map((t) => groupOfTimestep([0, 200, 1000], t))).toEqual([0, 1, 1]);
  });

  it.each([-1, 1000, Number.NaN])('refuses timestep %d', (t) => {
    expect(() => groupOfTimestep([0, 200, 1000], t)).toThrow(RangeError);
  });

  it.each([[[]], [[0]], [[1, 5]], [[0, 5, 5]], [[0, 7, 5]], [[0, 2.5, 5]]])('refuses the bounds %j', (bounds) => {
    expect(() => groupsFromBounds(bounds)).toThrow(expect.objectContaining({ code: 'BOUNDS_INVALID' }));
  });
});
