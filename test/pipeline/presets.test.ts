import { describe, expect, it } from 'vitest';
import { designExperiment } from '../../src/pipeline/design.js';
import { findPreset, listPresets } from '../../src/pipeline/presets.js';
import { parseConfig } from '../../src/project/project.js';

describe('presets', () => {
  it.each(listPresets().map(([name]) => name))('%s can be built and reaches its mean budget', (name) => {
    const config = parseConfig(findPreset(name).config);
    const design = designExperiment(config);
    expect(design.meanBudget).toBeCloseTo(config.budget.targetMean, 9);
    expect(design.groups.every((group) => group.visited > 0)).toBe(true);
  });

  it('the published network is the published network', () => {
    const design = designExperiment(parseConfig(findPreset('cifar10-ddpm').config));
    expect(design.parameters).toBe(35_746_307);
    expect(design.baseMacs).toBe(6_053_953_536);
  });

  it('an unknown preset is refused with the known ones', () => {
    expect(() => findPreset('constructor')).toThrow(
      expect.objectContaining({ code: 'PRESET_UNKNOWN', hint: expect.stringContaining('shapes-tiny') }),
    );
  });
});
