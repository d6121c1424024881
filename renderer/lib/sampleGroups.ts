import type { StageView } from '../../src/contract/projectViews.js';
import type { DrawnSample, SampleView } from '../../src/contract/runViews.js';
import { stageTitle } from './places.js';

/** One grid of samples, and what it is. */
export interface SampleEntry {
  readonly image: string;
  /** `step 300`, `Base at step 300, seed 7` */
  readonly caption: string;
}

/** Grids that belong together and are walked through: those of one training by step, or those that somebody asked for. */
export interface SampleGroup {
  readonly id: string;
  readonly title: string;
  readonly entries: readonly SampleEntry[];
}

export const ON_DEMAND = 'on demand';

/** Groups in the order of the pipeline, with what was asked for last. Grids of the evaluation belong to the results. */
export function sampleGroups(samples: readonly SampleView[], drawn: readonly DrawnSample[]): SampleGroup[] {
  const stages = [...new Set(samples.map(({ stage }) => stage))].filter((stage) => stage !== 'evaluation');
  const groups: SampleGroup[] = stages.map((stage) => ({
    id: stage,
    title: stageTitle(stage),
    entries: samples
      .filter((sample) => sample.stage === stage)
      .sort((a, b) => a.step - b.step)
      .map(({ step, image }) => ({ image, caption: `${stageTitle(stage)}, step ${step}` })),
  }));
  if (drawn.length === 0) return groups;
  const entries = drawn.map(({ image, model, step, seed, count }) => {
    const weights = step === 0 ? '' : ` at step ${step}`;
    return { image, caption: `${modelTitle(model)}${weights}, seed ${seed}, ${count} images` };
  });
  return [...groups, { id: ON_DEMAND, title: 'On demand', entries }];
}

function modelTitle(model: string): string {
  return model === 'adaptive' ? 'Step-adaptive experts' : model === 'uniform' ? 'Uniform pruning' : stageTitle(model);
}

export type DrawModel = 'training' | 'base' | 'uniform' | 'adaptive';

/** What samples can be drawn with now, the likeliest wish first. */
export function drawModels(stages: readonly StageView[], isRunning: boolean): { model: DrawModel; title: string }[] {
  const training = stages.find(({ id, state }) => state === 'running' && /^(base|uniform|experts\/\d+)$/.test(id));
  const experts = stages.filter(({ id }) => id.startsWith('experts/'));
  const has = (id: string) => stages.some((stage) => stage.id === id && !['pending', 'stale'].includes(stage.state));
  return [
    ...(isRunning && training
      ? [{ model: 'training' as const, title: `${stageTitle(training.id)}, now in training` }]
      : []),
    ...(experts.length > 0 && experts.every(({ state }) => state === 'done')
      ? [{ model: 'adaptive' as const, title: 'Step-adaptive experts' }]
      : []),
    ...(has('base') ? [{ model: 'base' as const, title: 'Base, newest checkpoint' }] : []),
    ...(has('uniform') ? [{ model: 'uniform' as const, title: 'Uniform pruning, newest checkpoint' }] : []),
  ];
}
