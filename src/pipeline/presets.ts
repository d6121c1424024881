import { inputError } from '../contract/errors.js';
import type { ExperimentConfigInput } from '../contract/config.js';

/** A named starting point. `cost` says in words what to expect; `plan` measures it on the machine in use. */
export interface Preset {
  readonly description: string;
  readonly cost: string;
  readonly config: ExperimentConfigInput;
}

const PRESETS: Readonly<Record<string, Preset>> = {
  'shapes-tiny': {
    description: 'embedded coloured shapes, 16 x 16, needs no data',
    cost: 'minutes on two cores',
    config: {
      data: { source: 'shapes', size: 16, channels: 3, count: 20_000 },
      model: { channels: 32, multipliers: [1, 2], blocks: 1, attention: [8], normGroups: 8 },
      // With the velocity on the cosine schedule, minutes of training give better images than with the noise on the linear one.
      diffusion: { prediction: 'v', schedule: 'cosine' },
      base: {
        steps: 2400,
        batch: 16,
        learningRate: 1.5e-3,
        warmup: 50,
        learningRateDecay: 'cosine',
        checkpointEvery: 800,
        sampleEvery: 600,
      },
      grouping: { method: 'dp-snr', groups: 5 },
      // Widths move in whole norm groups, so a little below 0.80 stays at most 0.80.
      budget: { targetMean: 0.79 },
      pruning: { evidence: 5, rounds: 2, proxySteps: 2, proxyImages: 64 },
      experts: { steps: 300, learningRate: 5e-4, warmup: 10, learningRateDecay: 'cosine' },
      sampling: { method: 'ddim', steps: 25, grid: 'trailing', batch: 64 },
      evaluation: { samples: 512, seeds: [0] },
    },
  },
  'fashion-tiny': {
    description: 'Fashion-MNIST at 16 x 16 pixels, the longer demo',
    cost: 'a quarter of an hour on two cores',
    config: {
      data: { source: 'fashion-mnist', size: 16, channels: 1 },
      model: { channels: 32, multipliers: [1, 2], blocks: 1, attention: [8], normGroups: 8 },
      diffusion: { prediction: 'v', schedule: 'cosine' },
      base: {
        steps: 3200,
        batch: 16,
        learningRate: 1.5e-3,
        warmup: 50,
        learningRateDecay: 'cosine',
        checkpointEvery: 800,
        sampleEvery: 800,
      },
      grouping: { method: 'dp-snr', groups: 5 },
      // Widths move in whole norm groups, so a little below 0.80 stays at most 0.80.
      budget: { targetMean: 0.79 },
      pruning: { evidence: 8, rounds: 2, proxySteps: 5, proxyImages: 64 },
      experts: { steps: 400, learningRate: 5e-4, warmup: 10, learningRateDecay: 'cosine' },
      sampling: { method: 'ddim', steps: 25, grid: 'trailing', batch: 64 },
      evaluation: { samples: 1024, seeds: [0] },
    },
  },
  'fashion-small': {
    description: 'Fashion-MNIST at 28 x 28 pixels, a 1.9 M parameter network',
    cost: 'an evening on two cores, minutes on a GPU',
    config: {
      data: { source: 'fashion-mnist', size: 28, channels: 1 },
      model: { channels: 32, multipliers: [1, 2, 2], blocks: 2, attention: [14], normGroups: 8 },
      base: { steps: 20_000, batch: 64, learningRate: 5e-4, warmup: 500, checkpointEvery: 1000, sampleEvery: 1000 },
      grouping: { method: 'dp-snr', groups: 5 },
      budget: { targetMean: 0.8 },
      pruning: { evidence: 48, rounds: 8, proxySteps: 30, proxyImages: 256, widthMultiple: 16 },
      experts: { steps: 3000, learningRate: 3e-4, warmup: 100, overlap: 10 },
      sampling: { method: 'ddim', steps: 50, grid: 'uniform', batch: 128 },
      evaluation: { samples: 10_000, seeds: [0, 1, 2] },
    },
  },
  'cifar10-ddpm': {
    description: 'CIFAR-10 with the published 35.7 M parameter DDPM network and recipe',
    cost: 'days on a GPU; months on two cores, so `plan` it first',
    config: {
      data: { source: 'cifar10', size: 32, channels: 3, flip: true },
      model: { channels: 128, multipliers: [1, 2, 2, 2], blocks: 2, attention: [16], dropout: 0.1, normGroups: 32 },
      base: {
        steps: 800_000,
        batch: 128,
        microBatch: 16,
        learningRate: 2e-4,
        warmup: 5000,
        ema: { decay: 0.9999, warmup: false },
        checkpointEvery: 5000,
        sampleEvery: 5000,
      },
      grouping: { method: 'dp-snr', groups: 5 },
      budget: { targetMean: 0.8 },
      pruning: { evidence: 128, rounds: 10, proxySteps: 200, proxyImages: 1024, widthMultiple: 16 },
      experts: { steps: 40_000, learningRate: 2e-4, warmup: 500, overlap: 20 },
      sampling: { method: 'ddim', steps: 100, grid: 'uniform', batch: 128 },
      evaluation: { samples: 50_000, seeds: [0, 1, 2] },
    },
  },
  'iddpm-cifar10': {
    description: 'CIFAR-10 with the 52.5 M parameter network and recipe of improved DDPM, the base model of the paper',
    cost: 'a week on a GPU; months on two cores, so `plan` it first',
    config: {
      data: { source: 'cifar10', size: 32, channels: 3 },
      diffusion: { schedule: 'cosine', timesteps: 4000, variance: 'learned-range' },
      model: {
        channels: 128,
        multipliers: [1, 2, 2, 2],
        blocks: 3,
        attention: [16, 8],
        attentionHeads: 4,
        scaleShiftNorm: true,
        dropout: 0.3,
        normGroups: 32,
      },
      base: {
        steps: 500_000,
        batch: 128,
        microBatch: 16,
        learningRate: 1e-4,
        warmup: 0,
        ema: { decay: 0.9999, warmup: false },
        checkpointEvery: 5000,
        sampleEvery: 5000,
      },
      // Equally many timesteps each: in decibels the end of the cosine schedule would be a group of a few timesteps.
      grouping: { method: 'uniform', groups: 5 },
      budget: { targetMean: 0.8 },
      pruning: { evidence: 128, rounds: 10, proxySteps: 200, proxyImages: 1024, widthMultiple: 16 },
      experts: { steps: 40_000, learningRate: 1e-4, warmup: 500, overlap: 80 },
      sampling: { method: 'ddpm', steps: 4000, grid: 'uniform', batch: 128 },
      evaluation: { samples: 50_000, seeds: [0, 1, 2] },
    },
  },
};

/** Names and descriptions, in the order they are offered. */
export function listPresets(): readonly (readonly [name: string, preset: Preset])[] {
  return Object.entries(PRESETS);
}

/** @throws `PRESET_UNKNOWN`, naming the known ones */
export function findPreset(name: string): Preset {
  const preset = Object.hasOwn(PRESETS, name) ? PRESETS[name] : undefined;
  if (preset === undefined) {
    throw inputError(
      'PRESET_UNKNOWN',
      `there is no preset "${name}"`,
      `choose one of ${Object.keys(PRESETS).join(', ')}`,
    );
  }
  return preset;
}
