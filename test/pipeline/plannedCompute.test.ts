import { describe, expect, it } from 'vitest';
import { designExperiment } from '../../src/pipeline/design.js';
import { LARGE_SEARCH_SHARE, plannedCompute, searchShare } from '../../src/pipeline/plannedCompute.js';
import { listPresets } from '../../src/pipeline/presets.js';
import { parseConfig } from '../../src/project/project.js';
import { TINY } from './stageContext.js';

function planned(change: Record<string, object> = {}) {
  const sections: Record<string, unknown> = { ...TINY };
  for (const [name, section] of Object.entries(change)) {
    sections[name] = { ...(sections[name] as object), ...section };
  }
  const config = parseConfig(sections);
  const design = designExperiment(config);
  return { ...plannedCompute(config, design), macs: design.baseMacs };
}

describe('plannedCompute', () => {
  // Two groups with ratios 1 and 0.8, two of the four sampling steps each; training is three passes.
  const { macs, ...plain } = planned();

  it('adds up what each part does', () => {
    expect(plain.base).toBe(3 * 6 * 4 * macs);
    expect(plain.experts).toBeCloseTo(3 * 4 * 4 * 1.8 * macs, 3);
    expect(plain.uniform).toBeCloseTo(3 * 2 * 4 * 4 * 0.9 * macs, 3);
    // The second group and the uniform network are pruned: two evidence batches of four each; the group has two rounds of one
    // step and eight images.
    expect(plain.search).toBeCloseTo((2 * 3 * 2 * 4 + 2 * (3 * 4 * 0.8 + 8 * 0.8)) * macs, 3);
    expect(searchShare(plain)).toBeCloseTo(plain.search / plain.base, 12);
  });

  it('counts no training of an imported base, and measures the search by what is trained instead', () => {
    const imported = planned({ base: { imported: 'ab'.repeat(32) } });
    expect(imported.base).toBe(0);
    expect(imported).toMatchObject({ experts: plain.experts, search: plain.search, evaluation: plain.evaluation });
    expect(searchShare(imported)).toBeCloseTo(plain.search / plain.experts, 12);
  });

  it('counts similarity, trial pruning, distances, teachers and held-out losses', () => {
    const similar = planned({
      grouping: { method: 'dp-gradient', gradientPoints: 5, gradientImages: 4 },
      budget: { k: 0.6 },
    });
    const same = planned({ grouping: { method: 'dp-snr' }, budget: { k: 0.6 } });
    expect(similar.search - same.search).toBeCloseTo(3 * 2 * 5 * 4 * macs, 3);
    const measured = planned({ budget: { rule: 'measured' } });
    expect(measured.search - plain.search).toBeCloseTo(2 * 8 * 1.7 * macs, 3);
    const distance = planned({ pruning: { proxy: 'distance' } });
    expect(distance.search - plain.search).toBeCloseTo(2 * 8 * (2 * 0.8 + 2 - 0.8) * macs, 3);
    const taught = planned({ experts: { distillation: 0.5 } });
    expect(taught.experts - plain.experts).toBeCloseTo(2 * 4 * 4 * macs, 3);
    const selected = planned({ experts: { evaluateEvery: 3, evaluateImages: 10 } });
    expect(selected.experts - plain.experts).toBeCloseTo(2 * 10 * 1.8 * macs, 3);
  });

  it.each([['the default', {}], ...listPresets().map(([name, { config }]) => [name, config] as const)] as const)(
    '%s spends less than five percent of the base on the search',
    (_name, input) => {
      const config = parseConfig(input);
      expect(searchShare(plannedCompute(config, designExperiment(config)))).toBeLessThan(LARGE_SEARCH_SHARE);
      expect(LARGE_SEARCH_SHARE).toBe(0.05);
    },
  );
});
