import { Command } from 'commander';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { registerBudgetCommand } from '../../src/cli/commands/budget.js';
import { registerGroupCommand } from '../../src/cli/commands/group.js';
import { registerScheduleCommand } from '../../src/cli/commands/schedule.js';

afterEach(() => vi.restoreAllMocks());

/** What a command line prints on stdout. */
function stdoutOf(line: string): string {
  const written: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
  const program = new Command('stepadapt').exitOverride();
  registerScheduleCommand(program);
  registerGroupCommand(program);
  registerBudgetCommand(program);
  program.parse(line.split(' '), { from: 'user' });
  return written.join('');
}

const jsonOf = (line: string): unknown => JSON.parse(stdoutOf(`${line} --json`));

describe('schedule', () => {
  it('prints alphaBar and decibels of every timestep as JSON', () => {
    const result = jsonOf('schedule --kind cosine --timesteps 1000') as { alphaBar: number[]; snrDb: number[] };
    expect(Object.keys(result)).toEqual(['alphaBar', 'snrDb']);
    expect(result.alphaBar).toHaveLength(1000);
    expect(result.snrDb[249]).toBeCloseTo(7.43, 2);
  });

  it('prints a table for people', () => {
    const lines = stdoutOf('schedule --kind linear').split('\n');
    expect(lines[0]).toBe('timestep      alphaBar  SNR dB');
    expect(lines[1]).toBe('       0      0.999900   40.00');
    expect(lines[11]).toBe('     999  0.0000403583  -43.94');
  });
});

describe('schedule --zero-terminal-snr', () => {
  it('has no decibels where no signal is left, in JSON and in the table', () => {
    const line = 'schedule --kind scaled-linear --zero-terminal-snr';
    const result = jsonOf(line) as { alphaBar: number[]; snrDb: (number | null)[] };
    expect([result.alphaBar[999], result.snrDb[999]]).toEqual([0, null]);
    expect(result.snrDb[998]).toBeLessThan(-70);
    expect(stdoutOf(line).trimEnd().split('\n').at(-1)).toMatch(/999 +0\.00000 +-inf$/);
  });

  it('can be cut into groups', () => {
    const result = jsonOf('group --schedule cosine --zero-terminal-snr --groups 4') as { bounds: number[] };
    expect(result.bounds).toHaveLength(5);
  });
});

describe('group', () => {
  it('prints bounds and cost as JSON', () => {
    const result = jsonOf('group --schedule linear --timesteps 1000 --method dp-snr --groups 3');
    expect(result).toEqual({ bounds: [0, 347, 708, 1000], cost: expect.closeTo(5414.008, 3), provisional: false });
  });

  it('clips decibels and keeps size limits', () => {
    const clipped = jsonOf('group --schedule cosine --method snr-uniform --groups 4 --clip-db 20');
    expect(clipped).toMatchObject({ bounds: [0, 188, 496, 803, 1000] });
    const limited = jsonOf('group --method snr-uniform --groups 4 --clip-db 20 --min-size 100 --max-size 400');
    expect(limited).toMatchObject({ bounds: [0, 100, 259, 600, 1000] });
  });

  it('takes hand-set bounds, and says when bounds wait for a trained base', () => {
    expect(jsonOf('group --bounds 0,300,1000')).toMatchObject({ bounds: [0, 300, 1000], provisional: false });
    const bySnr = jsonOf('group --method dp-snr --groups 4');
    expect(jsonOf('group --method mixture --groups 4')).toEqual({ ...(bySnr as object), provisional: true });
    expect(stdoutOf('group --method dp-gradient')).toContain('provisional');
  });
});

describe('budget', () => {
  it('solves k for the mean over the visited steps', () => {
    const result = jsonOf('budget --groups 5 --target-mean 0.8 --sampler ddim --steps 100 --grid uniform');
    expect(result).toEqual({
      k: expect.closeTo(0.5, 12),
      perGroup: [1, 0.9, 0.8, 0.7, 0.6].map((ratio) => expect.closeTo(ratio, 12)),
      visited: [20, 20, 20, 20, 20],
      mean: expect.closeTo(0.8, 12),
      provisional: false,
    });
  });

  it('takes bounds, index base and orientation', () => {
    const line = 'budget --bounds 0,200,1000 --k 0.5 --index-base 0 --orientation low-snr --sampler ddpm --steps 1000';
    expect(jsonOf(line)).toMatchObject({ k: 0.5, perGroup: [0.5, 0.75], visited: [200, 800], mean: 0.7 });
    expect(jsonOf(line.replace('0,200,1000', '0 200 1000'))).toEqual(jsonOf(line));
  });

  it('takes explicit ratios', () => {
    const result = jsonOf('budget --groups 2 --rule explicit --ratios 1,0.5');
    expect(result).toMatchObject({ perGroup: [1, 0.5], mean: 0.75 });
  });

  it('counts the quadratic grid as it is visited', () => {
    const result = jsonOf('budget --groups 4 --method uniform --k 0.6 --steps 100 --grid quadratic');
    expect(result).toMatchObject({ visited: [56, 23, 17, 4], mean: expect.closeTo(0.931, 6) });
  });
});

describe('bad options', () => {
  it.each([
    ['schedule --timesteps 10x', '--timesteps'],
    ['schedule --timesteps 0x10', '--timesteps'],
    ['schedule --timesteps 2.5', '--timesteps'],
    ['schedule --kind sine', '--kind'],
    ['group --groups 0', '--groups'],
    ['group --clip-db -3', '--clip-db'],
    ['group --method best', '--method'],
    ['group --bounds 0,500,1000 --method uniform', '--bounds'],
    ['group --bounds 0,500,1000 --groups 3', '--bounds'],
    ['budget --k 1.5', '--k'],
    ['budget --ratios 1,0.5', '--ratios'],
    ['budget --k 0.5 --target-mean 0.8', '--k'],
    ['budget --target-mean Infinity', '--target-mean'],
    ['budget --index-base 2', '--index-base'],
    ['budget --bounds 0,x,1000', '--bounds'],
    ['budget --bounds 0,10 --groups 2', '--bounds'],
    ['budget --bounds 0,10 --timesteps 20', '--bounds'],
    ['budget --bounds 0,10 --method uniform', '--bounds'],
    ['budget --sampler euler', '--sampler'],
    ['budget --steps 0', '--steps'],
  ])('%s', (line, flag) => {
    const refusal = expect.objectContaining({
      kind: 'input',
      code: 'BAD_OPTION',
      message: expect.stringContaining(`${flag}:`),
    });
    expect(() => stdoutOf(line)).toThrow(refusal);
  });

  it.each([
    ['group --timesteps 10 --groups 11', 'GROUPS_EXCEED_TIMESTEPS'],
    ['group --groups 4 --max-size 100', 'GROUP_SIZE_INFEASIBLE'],
    ['group --bounds 0,600,500,1000', 'BOUNDS_INVALID'],
    ['group --bounds 0,500', 'BOUNDS_INVALID'],
    ['group --bounds 0,500,1001', 'BOUNDS_INVALID'],
    ['budget --rule explicit --ratios 1,0.5', 'RATIOS_MISMATCH'],
    ['budget --groups 5 --target-mean 0.5', 'BUDGET_UNREACHABLE'],
    ['budget --bounds 0,5,3', 'BOUNDS_INVALID'],
    ['budget --steps 1001', 'STEPS_EXCEED_TIMESTEPS'],
  ])('%s is refused with %s', (line, code) => {
    expect(() => stdoutOf(line)).toThrow(expect.objectContaining({ kind: 'input', code }));
  });
});
