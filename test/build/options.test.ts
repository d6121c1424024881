import { describe, expect, it } from 'vitest';
import { parseEngineOptions } from '../../build/setup/options.mjs';
import { isSupportedNode, summary } from '../../build/setup/summary.mjs';

describe('parseEngineOptions', () => {
  it('chooses by itself and respects an earlier failure unless told otherwise', () => {
    expect(parseEngineOptions([], {})).toEqual({ choice: 'auto', retry: false });
    expect(parseEngineOptions([], { STEPADAPT_ENGINE_VARIANT: 'cuda' })).toEqual({ choice: 'cuda', retry: false });
    expect(parseEngineOptions([], { STEPADAPT_RETRY: '1' })).toEqual({ choice: 'auto', retry: true });
  });

  it('tries again when an engine is asked for, and lets the argument win over the environment', () => {
    expect(parseEngineOptions(['--engine'], {})).toEqual({ choice: 'auto', retry: true });
    const cpu = { choice: 'cpu', retry: true };
    expect(parseEngineOptions(['--engine', 'cpu'], { STEPADAPT_ENGINE_VARIANT: 'cuda' })).toEqual(cpu);
    expect(parseEngineOptions(['--engine=cpu'], {})).toEqual(cpu);
  });

  it.each([[['--engine', 'tpu']], [['--help']], [['--engine', 'cpu', 'extra']]])('refuses %j', (args) => {
    expect(parseEngineOptions(args, {})).toHaveProperty('problem');
  });

  it('refuses an unknown engine in the environment', () => {
    expect(parseEngineOptions([], { STEPADAPT_ENGINE_VARIANT: 'gpu' })).toHaveProperty('problem');
  });
});

describe('isSupportedNode', () => {
  it('compares versions by number', () => {
    expect(isSupportedNode('20.19.0')).toBe(true);
    expect(isSupportedNode('24.0.0')).toBe(true);
    expect(isSupportedNode('100.0.0')).toBe(true);
    expect(isSupportedNode('20.9.0')).toBe(false);
    expect(isSupportedNode('18.20.8')).toBe(false);
  });
});

describe('summary', () => {
  const engine = { variant: 'v', tensorflow: '2.21.0', binding: '/b', device: 'cpu', files: {} } as const;

  it('says that there was nothing to do', () => {
    const nothing = { packages: 0, engine: { engine, changed: false, missing: null }, compiled: 0, seconds: 0.08 };
    expect(summary(nothing)).toBe('setup: up to date (0.1 s)');
  });

  it('lists what was done', () => {
    const all = { packages: 560, engine: { engine, changed: true, missing: null }, compiled: 80, seconds: 62.31 };
    expect(summary(all)).toBe(
      'setup: installed 560 packages, native engine TensorFlow 2.21.0 (cpu), compiled 80 files (62.3 s)',
    );
  });

  it('says what a missing engine costs', () => {
    const slow = {
      packages: 0,
      engine: { engine: null, changed: false, missing: 'no Python 3' },
      compiled: 0,
      seconds: 0,
    };
    expect(summary(slow)).toBe(
      'setup: up to date; portable engine, roughly 10 times slower, because: no Python 3 (0.0 s)',
    );
  });
});
