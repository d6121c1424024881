import type { ReportContent } from '../../src/report/reportModel.js';

/** A plausible report's content: every section filled, the adaptive model slightly worse than the base. */
export function exampleContent(changes: Partial<ReportContent> = {}): ReportContent {
  const bounds = [0, 153, 394, 624, 823, 1000];
  const snrDb = linearScheduleSnrDb();
  const budgets = [1, 0.9, 0.8, 0.7, 0.6];
  const losses = [
    { base: 0.17068, untuned: 0.17068, tuned: 0.16321 },
    { base: 0.04084, untuned: 0.04488, tuned: 0.0397 },
    { base: 0.01175, untuned: 0.01564, tuned: 0.01155 },
    { base: 0.0016, untuned: 0.00538, tuned: 0.00147 },
    { base: 0.0003, untuned: 0.01906, tuned: 0.00018 },
  ];
  const row = (
    model: 'base' | 'uniform' | 'adaptive',
    label: string,
    ratio: number,
    values: [number, number, number],
  ) => ({
    model,
    label,
    macs: 55.4e6 * ratio,
    macsRatio: ratio,
    parameters: model === 'adaptive' ? 4_512_331 : Math.round(1_061_217 * ratio),
    value: values.reduce((sum, value) => sum + value, 0) / 3,
    perSeed: values.map((value, seed) => ({ seed, value, kid: { mean: value / 2e4, std: 0.00021 } })),
    kid: { mean: 0.00121, std: 0.00022 },
    samples: 2000,
    secondsPerImage: 0.011 * ratio ** 0.5,
    trainingMacs: model === 'base' ? 2.66e13 : 4.1e13,
  });
  return {
    project: 'Fashion at 80 %',
    created: '2026-11-23T23:05:00Z',
    summary: [
      { name: 'Data', value: 'fashion-mnist, 16 × 16 × 1, 60 000 images' },
      { name: 'Network', value: '32 channels, levels 1 2, attention at 8' },
      { name: 'Base', value: '2500 updates of 64 images' },
      { name: 'Experts', value: '5 groups (dp-snr), 500 updates each, target mean 80 %' },
    ],
    metric: 'FD (fashion features)',
    rows: [
      row('base', 'Base', 1, [24.0, 27.7, 25.2]),
      row('uniform', 'Uniform pruning', 0.803, [23.9, 27.9, 26.6]),
      row('adaptive', 'Step-adaptive experts', 0.8, [24.6, 27.8, 25.9]),
    ],
    groups: budgets.map((budget, index) => ({
      index,
      from: bounds[index]!,
      to: bounds[index + 1]!,
      snrDb: { low: snrDb[bounds[index + 1]! - 1]!, high: snrDb[bounds[index]!]! },
      visited: [8, 12, 11, 10, 9][index]!,
      budget,
      baseMacs: 55.4e6,
      requestedMacs: 55.4e6 * budget,
      effectiveMacs: 55.4e6 * (budget === 1 ? 1 : budget - 0.004),
      parameters: Math.round(1_061_217 * budget),
      widths: [
        { id: 'down_blocks.0.resnets.0.inner', base: 32, kept: Math.round(32 * budget) },
        { id: 'mid_block.resnets.0.inner', base: 64, kept: Math.round(64 * budget) },
      ],
      loss: losses[index]!,
    })),
    snrDb,
    curves: [
      { stage: 'base', points: lossCurve(2500, 0.045) },
      { stage: 'uniform', points: lossCurve(500, 0.047) },
      ...losses.map(({ tuned }, index) => ({ stage: `expert ${index}`, points: lossCurve(500, tuned) })),
    ],
    samples: [
      { model: 'base', label: 'Base', png: ONE_PIXEL_PNG },
      { model: 'uniform', label: 'Uniform pruning', png: ONE_PIXEL_PNG },
      { model: 'adaptive', label: 'Step-adaptive experts', png: ONE_PIXEL_PNG },
    ],
    ledger: [
      { stage: 'base', kind: 'base', macs: 2.66e13, seconds: 459 },
      { stage: 'experts', kind: 'experts', macs: 1.28e13, seconds: 380 },
      { stage: 'proxy search', kind: 'search', macs: 1.6e12, seconds: 41 },
      { stage: 'uniform pruning', kind: 'uniform', macs: 1.28e13, seconds: 360 },
      { stage: 'sampling', kind: 'evaluation', macs: 8.3e12, seconds: 88 },
    ],
    protocol: {
      metric: 'FD (fashion features)',
      features: { id: 'fashion-mnist-16-v1', hash: 'ab'.repeat(32), dimensions: 64, accuracy: 0.873 },
      samples: 2000,
      seeds: [0, 1, 2],
      sampler: {
        method: 'ddim',
        steps: 50,
        grid: 'uniform',
        visited: Array.from({ length: 50 }, (_, index) => 980 - 20 * index),
        eta: 0,
        variance: 'large',
        clip: true,
      },
      weights: 'ema',
      resize: 'none: images are generated at the size of the feature network',
      reference: { source: 'fashion-mnist', images: 60_000, hash: 'cd'.repeat(32) },
      covariance: 'n - 1',
      kernel: { formula: '(x.y / d + 1)^3', subsets: 100, subsetSize: 1000, seed: 0 },
      software: 'StepAdapt Studio 0.1.0, TensorFlow 2.21.0 on cpu',
    },
    command: 'stepadapt new "fashion" --from experiment.stepadapt\nstepadapt run "fashion"',
    experiment: { format: 'stepadapt-project', version: 1, name: 'fashion', config: { seed: 0 } },
    lossByTimestep: Array.from({ length: 20 }, (_, bin) => ({
      from: 50 * bin,
      to: 50 * bin + 50,
      losses: [0.2 * 0.75 ** bin, 0.21 * 0.75 ** bin, (bin < 15 ? 0.19 : 0.205) * 0.75 ** bin],
    })),
    environment: [
      { name: 'Engine', value: 'TensorFlow 2.21.0, cpu, 2 threads' },
      { name: 'Node', value: '20.19.2' },
    ],
    ...changes,
  };
}

/** SNR in dB of the linear schedule 1e-4 to 0.02 over 1000 timesteps. */
function linearScheduleSnrDb(): number[] {
  let alphaBar = 1;
  return Array.from({ length: 1000 }, (_, timestep) => {
    alphaBar *= 1 - (1e-4 + ((0.02 - 1e-4) * timestep) / 999);
    return 10 * Math.log10(alphaBar / (1 - alphaBar));
  });
}

/** A falling curve with a deterministic ripple in place of noise. */
function lossCurve(steps: number, level: number): { step: number; loss: number }[] {
  return Array.from({ length: steps / 5 }, (_, index) => {
    const step = (index + 1) * 5;
    const ripple = 1 + 0.25 * Math.sin(index * 12.9898) * Math.cos(index * 4.1414);
    return { step, loss: level * (1 + 12 * Math.exp(-step / 60)) * ripple };
  });
}

const ONE_PIXEL_PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
