import { describe, expect, it } from 'vitest';
import type { GroupingResult } from '../../src/contract/results.js';
import { designExperiment, designFromGrouping, needsEvidence } from '../../src/pipeline/design.js';
import { pipelineStages } from '../../src/pipeline/pipelineStages.js';
import { parseConfig } from '../../src/project/project.js';
import { TINY } from './stageContext.js';

const parsed = (change: object) => parseConfig({ ...TINY, ...change });

describe('designExperiment', () => {
  it('is final where nothing has to be measured', () => {
    const config = parsed({});
    expect(needsEvidence(config)).toBe(false);
    expect(designExperiment(config).provisional).toEqual({ bounds: false, budgets: false });
  });

  it('says what is provisional, and takes the evidence', () => {
    const similar = parsed({ grouping: { method: 'dp-gradient', groups: 2 } });
    expect(needsEvidence(similar)).toBe(true);
    expect(designExperiment(similar).provisional).toEqual({ bounds: true, budgets: true });
    const similarity = Float64Array.from({ length: 1600 }, (_, i) => {
      const [a, b] = [Math.floor(i / 40) < 7, i % 40 < 7];
      return a === b ? 1 : 0;
    });
    const design = designExperiment(similar, { similarity, lossIncrease: null });
    expect(design.bounds).toEqual([0, 7, 40]);
    expect(design.provisional).toEqual({ bounds: false, budgets: false });

    const measured = parsed({ budget: { rule: 'measured', k: 0.5 } });
    expect(designExperiment(measured).provisional).toEqual({ bounds: false, budgets: true });
    const ranked = designExperiment(measured, { similarity: null, lossIncrease: [0.1, 0.2] });
    expect(ranked.groups.map(({ budget }) => budget)).toEqual([0.75, 1]);
    expect(ranked.provisional.budgets).toBe(false);
  });

  it('refuses bfloat16 on the engine that does not have it, and leaves open what the machine decides', () => {
    expect(() => designExperiment(parsed({ engine: 'wasm', precision: 'bfloat16' }))).toThrow(
      expect.objectContaining({ code: 'PRECISION_UNAVAILABLE' }),
    );
    for (const engine of ['auto', 'native']) {
      expect(() => designExperiment(parsed({ engine, precision: 'bfloat16' }))).not.toThrow();
    }
    expect(() => designExperiment(parsed({ engine: 'wasm' }))).not.toThrow();
  });

  it('is the same from what the grouping stage wrote', () => {
    const config = parsed({});
    const design = designExperiment(config);
    const { bounds, partitionCost: cost, k, meanBudget, groups } = design;
    const written = JSON.stringify({ bounds, cost, k, meanBudget, lossIncrease: null, groups });
    expect(designFromGrouping(config, JSON.parse(written) as GroupingResult)).toEqual(design);
  });

  it('has an expert for each hand-set group', () => {
    const config = parsed({ grouping: { bounds: [0, 5, 12, 40], groups: 2 } });
    expect(designExperiment(config).groups).toHaveLength(3);
    expect(pipelineStages(config).map(({ id }) => id)).toContain('experts/2');
  });

  it.each([
    ['bounds beyond T', { grouping: { bounds: [0, 5, 41] } }, 'BOUNDS_INVALID'],
    ['too few ratios', { budget: { rule: 'explicit', ratios: [1] } }, 'RATIOS_MISMATCH'],
    ['ratios below what pruning reaches', { budget: { rule: 'explicit', ratios: [1, 0.05] } }, 'BUDGET_UNREACHABLE'],
  ])('refuses %s', (_name, change, code) => {
    expect(() => designExperiment(parsed(change))).toThrow(expect.objectContaining({ kind: 'input', code }));
  });

  it('patience needs evaluations', () => {
    expect(() => parsed({ experts: { patience: 2 } })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('experts.patience') }),
    );
  });
});
