import { describe, expect, test } from 'vitest';
import type { StageView } from '../../src/contract/projectViews.js';
import { drawModels, sampleGroups } from '../../renderer/lib/sampleGroups.js';

const stage = (id: string, state: StageView['state']): StageView => ({
  id,
  state,
  progress: 0,
  etaSeconds: null,
  work: null,
});

describe('groups of samples', () => {
  test('grids of a training go by step; those asked for come last; the evaluation has its own place', () => {
    const groups = sampleGroups(
      [
        { stage: 'base', step: 20, image: 'b20' },
        { stage: 'base', step: 3, image: 'b3' },
        { stage: 'evaluation', step: 0, image: 'e' },
      ],
      [
        { image: 'd', at: '', model: 'experts/1', step: 7, seed: 5, count: 16 },
        { image: 'a', at: '', model: 'adaptive', step: 0, seed: 5, count: 4 },
      ],
    );
    expect(groups.map(({ title, entries }) => [title, entries.map(({ image }) => image)])).toEqual([
      ['Base', ['b3', 'b20']],
      ['On demand', ['d', 'a']],
    ]);
    expect(groups[1].entries.map(({ caption }) => caption)).toEqual([
      'Expert 1 at step 7, seed 5, 16 images',
      'Step-adaptive experts, seed 5, 4 images',
    ]);
    expect(sampleGroups([], [])).toEqual([]);
  });
});

describe('what samples can be drawn with', () => {
  const models = (stages: StageView[], isRunning = false) => drawModels(stages, isRunning).map(({ model }) => model);

  test('nothing before anything is trained, or where all of it belongs to another experiment', () => {
    expect(models([stage('base', 'pending'), stage('experts/0', 'pending')])).toEqual([]);
    expect(models([stage('base', 'stale'), stage('uniform', 'stale')])).toEqual([]);
  });

  test('the network in training first, then what has a checkpoint', () => {
    const stages = [stage('base', 'running'), stage('experts/0', 'pending')];
    expect(models(stages, true)).toEqual(['training', 'base']);
    // Paused, or cut off: there is no training to ask.
    expect(models(stages, false)).toEqual(['base']);
    expect(models([stage('base', 'done'), stage('evaluation', 'running')], true)).toEqual(['base']);
  });

  test('the experts once all of them are tuned', () => {
    const experts = (last: StageView['state']) => [
      stage('base', 'done'),
      stage('experts/0', 'done'),
      stage('experts/1', last),
      stage('uniform', 'done'),
    ];
    expect(models(experts('interrupted'))).toEqual(['base', 'uniform']);
    expect(models(experts('done'))).toEqual(['adaptive', 'base', 'uniform']);
  });
});
