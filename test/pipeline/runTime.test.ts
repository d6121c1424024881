import { describe, expect, it } from 'vitest';
import type { StageState } from '../../src/contract/events.js';
import { designExperiment } from '../../src/pipeline/design.js';
import { plannedCompute, plannedStages } from '../../src/pipeline/plannedCompute.js';
import { runTime, type StageTime } from '../../src/pipeline/runTime.js';
import { parseConfig } from '../../src/project/project.js';
import { TINY } from './stageContext.js';

const planned = new Map([
  ['base', 1000],
  ['experts/0', 400],
  ['experts/1', 200],
  ['uniform', 300],
  ['evaluation', 100],
]);

function stages(...given: [string, StageState, number, number, (number | null)?][]): StageTime[] {
  return given.map(([id, state, progress, seconds, etaSeconds = null]) => ({
    id,
    state,
    progress,
    seconds,
    etaSeconds,
  }));
}

describe('the time of a run', () => {
  it('is unknown before anything was trained', () => {
    const fresh = stages(['base', 'pending', 0, 0], ['grouping', 'pending', 0, 0], ['evaluation', 'pending', 0, 0]);
    expect(runTime(fresh, planned)).toEqual({
      workedSeconds: 0,
      remainingSeconds: null,
      remainingAtMostSeconds: null,
    });
  });

  it('goes on at the rate of what is done, or two and a half times as long where nothing like it was at work', () => {
    // 500 in 50 s: ten a second. The rest of the base says 48 s itself; then 400 + 200 + 300 + 100.
    const half = stages(
      ['base', 'running', 0.5, 50, 48],
      ['grouping', 'pending', 0, 0],
      ['experts/0', 'pending', 0, 0],
      ['experts/1', 'pending', 0, 0],
      ['uniform', 'pending', 0, 0],
      ['evaluation', 'pending', 0, 0],
    );
    expect(runTime(half, planned)).toEqual({
      workedSeconds: 50,
      remainingSeconds: 48 + 100,
      remainingAtMostSeconds: 48 + 250,
    });
  });

  it('experts go at the rate of experts once there is one, an interrupted stage by what is left of it', () => {
    // The expert took 80 s for 400: five a second. The evaluation has no like, and goes by all of 1400 in 180 s.
    const later = stages(
      ['base', 'done', 1, 100, 0],
      ['features', 'done', 1, 0, 0],
      ['experts/0', 'done', 1, 80, 0],
      ['experts/1', 'interrupted', 0.25, 10],
      ['uniform', 'pending', 0, 0],
      ['evaluation', 'pending', 0, 0],
    );
    const rate = (400 + 50) / 90;
    const { workedSeconds, remainingSeconds, remainingAtMostSeconds } = runTime(later, planned);
    expect(workedSeconds).toBe(190);
    const evaluation = 100 / ((1000 + 450) / 190);
    expect(remainingSeconds).toBeCloseTo((150 + 300) / rate + evaluation, 9);
    expect(remainingAtMostSeconds).toBeCloseTo((150 + 300) / rate + 2.5 * evaluation, 9);
  });

  it('what was computed from another experiment counts neither as work nor as a measure', () => {
    const stale = stages(['base', 'done', 1, 100, 0], ['experts/0', 'stale', 1, 9999], ['experts/1', 'stale', 1, 9999]);
    expect(runTime(stale, planned)).toEqual({ workedSeconds: 100, remainingSeconds: 60, remainingAtMostSeconds: 150 });
  });

  it('nothing is left of a finished run', () => {
    expect(runTime(stages(['base', 'done', 1, 7, 0], ['evaluation', 'done', 1, 3, 0]), planned)).toEqual({
      workedSeconds: 10,
      remainingSeconds: 0,
      remainingAtMostSeconds: 0,
    });
  });
});

it('the compute of the stages adds up to that of the run, but for grouping', () => {
  const config = parseConfig({ ...TINY, experts: { ...TINY.experts, distillation: 0.5 } });
  const design = designExperiment(config);
  const { base, experts, search, uniform, evaluation } = plannedCompute(config, design);
  const sum = [...plannedStages(config, design).values()].reduce((total, macs) => total + macs, 0);
  // This experiment measures nothing for its groups, so that all of the search belongs to stages that train.
  expect(sum).toBeCloseTo(base + experts + search + uniform + evaluation, 3);
  const bare = parseConfig({ ...TINY, evaluation: { ...TINY.evaluation, uniformBaseline: false } });
  expect([...plannedStages(bare, designExperiment(bare)).keys()]).toEqual([
    'base',
    'experts/0',
    'experts/1',
    'evaluation',
  ]);
});
