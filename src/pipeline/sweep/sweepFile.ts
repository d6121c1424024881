import { createHash } from 'node:crypto';
import { z } from 'zod';
import { configSchema, type ExperimentConfig } from '../../contract/config.js';
import { inputError, StepAdaptError } from '../../contract/errors.js';
import { parseConfig } from '../../project/project.js';
import { designExperiment } from '../design.js';
import { findPreset } from '../presets.js';
import { applyBaseline, BASELINES, type Baseline } from './baselines.js';
import { safeParse } from '../../contract/safeParse.js';

const sweepSchema = z.strictObject({
  /** A preset's name, or a config. */
  base: z.union([z.string().min(1), z.record(z.string(), z.unknown())]).default('shapes-tiny'),
  /** Fields of the config that all projects change, by path: { "base.steps": 500 }. */
  set: z.record(z.string(), z.unknown()).default({}),
  /** Fields of the config and the values each takes; every combination becomes a project. */
  vary: z.record(z.string(), z.array(z.unknown()).min(1)).default({}),
  /** What every combination is compared with, each a project of its own. */
  baselines: z.array(z.enum(BASELINES)).default([]),
  /** Where the projects go, relative to the sweep's file. */
  folder: z.string().min(1),
});

export type Sweep = z.output<typeof sweepSchema>;

/** One project of a sweep. */
export interface SweepPoint {
  /** Name of the project and of its folder. */
  readonly name: string;
  /** The varied fields with this project's values. */
  readonly varied: Readonly<Record<string, unknown>>;
  /** What it is compared as; null for the method itself. */
  readonly baseline: Baseline | null;
  readonly config: ExperimentConfig;
}

/** More would be a slip, such as a list of seeds in place of their number. */
const MAX_PROJECTS = 1000;

/** @throws input error `SWEEP_INVALID`, naming the fields */
export function parseSweep(raw: unknown, where: string): Sweep {
  const parsed = safeParse(sweepSchema, raw);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) =>
    path.length ? `${path.join('.')}: ${message}` : message,
  );
  throw invalid(`${where}: ${problems.join('; ')}`);
}

/**
 * All projects of a sweep, baselines after the combination they belong to. Everything is checked here, before anything runs.
 * @throws `SWEEP_INVALID`, and the errors of configs that cannot be
 */
export function expandSweep(sweep: Sweep): SweepPoint[] {
  const base = typeof sweep.base === 'string' ? findPreset(sweep.base).config : sweep.base;
  // Counted before they are made: a short file can ask for more combinations than memory holds.
  const count = Object.values(sweep.vary).reduce((product, values) => product * values.length, 1);
  if (count * (1 + sweep.baselines.length) > MAX_PROJECTS) throw invalid(`it has more than ${MAX_PROJECTS} projects`);
  const combinations = cartesian(Object.entries(sweep.vary));
  const points = combinations.flatMap((varied): SweepPoint[] => {
    const name = pointName(varied, sweep.vary);
    const config = checked(withFields(base, { ...sweep.set, ...varied }), name);
    const baselines = sweep.baselines.map((baseline) => {
      const compared = `${name}_${baseline}`;
      return { name: compared, varied, baseline, config: checked(applyBaseline(baseline, config), compared) };
    });
    return [{ name, varied, baseline: null, config }, ...baselines];
  });
  const twice = points.find(({ name }, index) => points.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw invalid(`the project ${twice.name} is there twice`);
  return points;
}

function checked(raw: unknown, name: string): ExperimentConfig {
  const config = parseConfig(raw, `the project ${name}`);
  try {
    designExperiment(config);
  } catch (error) {
    if (!(error instanceof StepAdaptError)) throw error;
    throw inputError(error.code, `the project ${name}: ${error.message}`, error.hint, { cause: error });
  }
  return config;
}

/** A copy of a config with fields set by their paths; whether they exist is for the config's schema to say. */
function withFields(config: object, fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result = structuredClone(config) as Record<string, unknown>;
  for (const [path, value] of Object.entries(fields)) {
    const parents = path.split('.');
    if (parents.includes('__proto__')) throw invalid(`"${path}" is no field of the config`);
    const last = parents.pop()!;
    let place = result;
    for (const parent of parents) {
      const inner = Object.hasOwn(place, parent) ? place[parent] : undefined;
      place[parent] = typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? inner : {};
      place = place[parent] as Record<string, unknown>;
    }
    place[last] = structuredClone(value);
  }
  return result;
}

function cartesian(fields: readonly (readonly [string, readonly unknown[]])[]): Record<string, unknown>[] {
  return fields.reduce<Record<string, unknown>[]>(
    (all, [field, values]) => all.flatMap((point) => values.map((value) => ({ ...point, [field]: value }))),
    [{}],
  );
}

/** `grouping.groups=3_seed=0`; lists and objects by their position, and long names by their hash. */
function pointName(varied: Readonly<Record<string, unknown>>, vary: Sweep['vary']): string {
  const parts = Object.entries(varied).map(([field, value]) => {
    // Objects have no text of their own: one that came from a file may even refuse to be made into text.
    const text = typeof value === 'object' ? '' : String(value);
    const isPlain = /^[\w.+-]{1,40}$/.test(text);
    return `${field}=${isPlain ? text : `#${vary[field].indexOf(value)}`}`;
  });
  const name = parts.length === 0 ? 'project' : parts.join('_');
  if (name.length <= 70) return name;
  return `${name.slice(0, 60)}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

function invalid(problem: string): Error {
  return inputError(
    'SWEEP_INVALID',
    `the sweep cannot be used: ${problem}`,
    `see examples/sweep.json; fields are those of docs/config.md (${Object.keys(configSchema.shape).join(', ')})`,
  );
}
