import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rankChannels } from '../../src/method/channelRanking.js';
import { projectWidths, type ProjectedWidths } from '../../src/method/projectWidths.js';
import { macsOfWidths, widthSpace } from '../../src/method/widthSpace.js';
import { innerRule, randomScores, tinySpec } from './tinyModel.js';

const spec = tinySpec();
const space = widthSpace(spec, { ...innerRule, minimumKeep: 0.25 });
const ranking = rankChannels(space.prunable, randomScores(spec, 1));
const ids = space.choices.map(({ id }) => id);
const project = (proposal: ReadonlyMap<string, number>, targetMacs: number) =>
  projectWidths(proposal, space, ranking, targetMacs);
const accepted = (result: ReturnType<typeof project>): ProjectedWidths => {
  if (!result.accepted) throw new Error(result.reason);
  return result;
};

describe('projectWidths', () => {
  it('takes a legal proposal as it is', () => {
    const proposal = new Map(ids.map((id, index) => [id, index % 2 === 0 ? 6 : 4]));
    const macs = macsOfWidths(space, proposal);
    expect(project(proposal, macs)).toEqual({ accepted: true, widths: proposal, macs, repairs: [] });
  });

  it('puts each fault on record', () => {
    const [first, second, third, fourth, fifth] = ids;
    const proposal = new Map([
      ['nonsense', 4],
      [first, Number.NaN],
      [second, 6.9],
      [third, -3],
      [fourth, 1000],
    ]);
    const repaired = new Map([
      [first, 8],
      [second, 6],
      [third, 2],
      [fourth, 8],
      [fifth, 8],
    ]);
    const { widths, repairs } = accepted(project(proposal, macsOfWidths(space, repaired)));
    expect(widths).toEqual(repaired);
    expect(repairs).toEqual([
      'nonsense is no width of this model',
      `${first} NaN to 8, the nearest legal width`,
      `${second} 6.9 to 6, the nearest legal width`,
      `${third} -3 to 2, the nearest legal width`,
      `${fourth} 1000 to 8, the nearest legal width`,
      `${fifth} was missing: kept at 8`,
    ]);
  });

  it('rejects what names no width', () => {
    const rejected = { accepted: false, reason: expect.stringContaining('names no width') };
    expect(project(new Map(), space.maxMacs)).toEqual(rejected);
    expect(project(new Map([['nonsense', 4]]), space.maxMacs)).toEqual(rejected);
    expect(project(new Map([[ids[0], Number.POSITIVE_INFINITY]]), space.maxMacs)).toEqual(rejected);
  });

  it('refuses a budget out of reach', () => {
    const full = new Map(ids.map((id) => [id, 8]));
    expect(() => project(full, space.minMacs - 1)).toThrow(expect.objectContaining({ code: 'BUDGET_UNREACHABLE' }));
  });

  it('brings anything to legal widths within half a norm group of the budget, never silently', () => {
    const number = fc.oneof(fc.integer({ min: -4, max: 20 }), fc.double());
    const proposals = fc.array(fc.tuple(fc.constantFrom(...ids, 'other'), number), { maxLength: 8 });
    fc.assert(
      fc.property(proposals, fc.double({ min: 0, max: 1, noNaN: true }), (pairs, share) => {
        const proposal = new Map(pairs);
        const target = space.minMacs + share * (space.maxMacs - space.minMacs);
        const result = project(proposal, target);
        fc.pre(result.accepted);
        const { widths, macs, repairs } = accepted(result);
        expect(macs).toBe(macsOfWidths(space, widths));
        expect(Math.abs(macs - target)).toBeLessThanOrEqual(space.tolerance);
        for (const { id, full, minimum, unit } of space.choices) {
          const width = widths.get(id)!;
          expect(width % unit === 0 && width >= minimum && width <= full).toBe(true);
        }
        const unchanged = proposal.size === ids.length && ids.every((id) => widths.get(id) === proposal.get(id));
        expect(repairs.length === 0).toBe(unchanged);
      }),
      { numRuns: 200 },
    );
  });
});
