import { afterEach, describe, expect, it, vi } from 'vitest';
import { configSchema } from '../../src/contract/config.js';
import { designExperiment } from '../../src/pipeline/design.js';
import { forecastRun } from '../../src/pipeline/forecast.js';
import { availableMemory, memoryBound, memoryWarning } from '../../src/pipeline/memoryWarning.js';
import { findPreset } from '../../src/pipeline/presets.js';
import { openEngine } from '../../src/tensor/openEngine.js';
import { TINY } from './stageContext.js';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the warning of too little memory', () => {
  const need = { peakBytes: 6e9, bytesPerImage: 0.3e9, microBatch: 16 };

  it('says nothing where the run fits', () => {
    expect(memoryWarning({ ...need, available: 6e9 })).toBeNull();
  });

  it('names a micro-batch that fits', () => {
    // 2 GB too much are 6.7 images: 9 fit, and 8 is the power of two below.
    expect(memoryWarning({ ...need, available: 4e9 })).toMatch(
      /about 6\.0 GB.*4\.0 GB are free.*base\.microBatch to 8$/,
    );
    expect(memoryWarning({ ...need, available: 1.6e9 })).toMatch(/microBatch to 1$/);
  });

  it('gives other advice where no micro-batch would fit', () => {
    expect(memoryWarning({ ...need, available: 1e9 })).toMatch(/model\.channels/);
  });
});

describe('the bound from the size of the network', () => {
  const bound = (preset: string, changes: object = {}) => {
    const given = findPreset(preset).config;
    const config = configSchema.parse({ ...given, base: { ...given.base, ...changes } });
    return memoryBound(config, designExperiment(config));
  };

  it('lies above what was measured of whole runs (docs/benchmarks.md)', () => {
    expect(bound('shapes-tiny')).toBeGreaterThan(1.12e9);
    // Eager gradients of 16 images took 5.96 GB.
    expect(bound('cifar10-ddpm', { batch: 16, microBatch: 16 })).toBeGreaterThan(6e9);
  });

  it('grows with the micro-batch', () => {
    expect(bound('cifar10-ddpm', { microBatch: 64 })).toBeGreaterThan(bound('cifar10-ddpm', { microBatch: 32 }));
  });
});

describe('the forecast of a run', () => {
  it('covers what this process holds, and warns when less is free', async () => {
    await openEngine('wasm');
    const config = configSchema.parse(TINY);
    const design = designExperiment(config);
    expect(availableMemory()).toBeGreaterThan(0);
    const roomy = await forecastRun(config, design);
    expect(roomy.peakBytes).toBeGreaterThan(process.memoryUsage.rss() * 0.8);
    expect(roomy.warning).toBeUndefined();
    vi.spyOn(process, 'availableMemory').mockReturnValue(1e6);
    expect((await forecastRun(config, design)).warning).toMatch(/GB are free/);
  });
});
