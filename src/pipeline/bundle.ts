import { createHash } from 'node:crypto';
import { copyFile, readFile, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { z } from 'zod';
import { configSchema, type DiffusionConfig } from '../contract/config.js';
import { inputError, type StepAdaptError } from '../contract/errors.js';
import { pruningResultSchema } from '../contract/results.js';
import { SOFTWARE_VERSION } from '../contract/version.js';
import { trainingObjective } from '../diffusion/objective.js';
import { routeByTimestep } from '../method/router.js';
import { readModelFolder, writeModelFolder } from '../model/diffusersFolder.js';
import { makeFolder, writeJsonAtomic } from '../project/atomicFile.js';
import type { Project } from '../project/project.js';
import type { Denoiser } from '../sampling/denoiser.js';
import { createNetworkDenoiser } from '../sampling/networkDenoiser.js';
import { projectDesign } from './projectDesign.js';
import { StageStore } from './stageStore.js';
import { trainedNetwork } from './trainedWeights.js';
import { safeParse } from '../contract/safeParse.js';

const BUNDLE_FILE = 'bundle.json';
const FORMAT = 'stepadapt-bundle';
const { data, diffusion, sampling, base } = configSchema.shape;

/** `bundle.json`: all that is needed to sample with the experts, and to know where they come from. */
const bundleSchema = z.object({
  format: z.literal(FORMAT),
  version: z.literal(1),
  name: z.string(),
  softwareVersion: z.string(),
  createdAt: z.iso.datetime(),
  /** Seed of the experiment. */
  seed: z.number().int(),
  data,
  diffusion,
  base,
  /** The sampler that budgets were solved for. */
  sampling,
  /** Group j is [bounds[j], bounds[j + 1]), group 0 has the least noise. */
  bounds: z.array(z.number().int()).min(2),
  /** Mean MACs over the steps that the sampler visits, as a ratio to the base. */
  macsRatio: z.number(),
  /** One per group: its folder, and what pruning decided. */
  experts: z.array(z.object({ folder: z.string(), pruning: pruningResultSchema })).min(1),
  /** File, relative to the folder, to SHA-256. */
  files: z.record(z.string(), z.string()),
});
export type Bundle = z.output<typeof bundleSchema>;

/**
 * Writes the finished experts of a project as one folder that needs no project: weights, widths, groups, schedule, memory of the
 * searches, hashes. The folder appears whole or not at all.
 *
 * @throws input error `EXPORT_EXISTS` when there is something at `out`; failure `CHECKPOINT_MISSING` when an expert is not trained
 */
export async function writeBundle(project: Project, out: string, now = new Date()): Promise<Bundle> {
  const target = resolve(out);
  await refuseExisting(target);
  const { config, name } = project.file;
  const store = new StageStore(project);
  const design = await projectDesign(config, store);
  const staging = join(dirname(target), `.${FORMAT}-${process.pid}`);
  await rm(staging, { recursive: true, force: true });
  try {
    const experts: Bundle['experts'] = [];
    for (const { index } of design.groups) {
      const stage = `experts/${index}`;
      const { spec, weights } = await trainedNetwork(store, stage);
      const folder = `experts/${index}`;
      await makeFolder(join(staging, folder));
      await writeModelFolder(join(staging, folder), spec, weights);
      const memory = join(store.folder(stage), 'memory.jsonl');
      if (await isThere(memory)) await copyFile(memory, join(staging, folder, 'memory.jsonl'));
      const pruning = await readFile(join(store.folder(stage), 'pruning.json'), 'utf8');
      experts.push({ folder, pruning: pruningResultSchema.parse(JSON.parse(pruning)) });
    }
    const visitedMacs = design.groups.reduce((sum, { visited }, i) => sum + visited * experts[i].pruning.macs, 0);
    const bundle: Bundle = {
      format: FORMAT,
      version: 1,
      name,
      softwareVersion: SOFTWARE_VERSION,
      createdAt: now.toISOString(),
      seed: config.seed,
      data: config.data,
      diffusion: config.diffusion,
      base: config.base,
      sampling: config.sampling,
      bounds: [...design.bounds],
      macsRatio: visitedMacs / design.visited.length / design.baseMacs,
      experts,
      files: await hashes(staging),
    };
    await writeJsonAtomic(join(staging, BUNDLE_FILE), bundle);
    await rename(staging, target);
    return bundle;
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

/** Whether a folder is a bundle. */
export function isBundle(folder: string): Promise<boolean> {
  return isThere(join(folder, BUNDLE_FILE));
}

/**
 * Reads what a bundle says of itself, and checks every file of it.
 * @throws input error `BUNDLE_INVALID`
 */
export async function readBundle(folder: string): Promise<Bundle> {
  const path = join(folder, BUNDLE_FILE);
  let content: unknown;
  try {
    content = JSON.parse(await readFile(path, 'utf8'));
  } catch (cause) {
    throw invalid(`${path} cannot be read: ${(cause as Error).message}`);
  }
  const parsed = safeParse(bundleSchema, content);
  if (!parsed.success) {
    const [{ path: field, message }] = parsed.error.issues;
    throw invalid(`${path} is no bundle of this version: ${field.join('.')}: ${message}`);
  }
  const bundle = parsed.data;
  const bounds = bundle.bounds.every((bound, j) => j === 0 || bound > bundle.bounds[j - 1]);
  const covers = bundle.bounds[0] === 0 && bundle.bounds.at(-1) === bundle.diffusion.timesteps;
  if (!bounds || !covers || bundle.experts.length !== bundle.bounds.length - 1) {
    throw invalid(
      `the groups of ${path} do not cover its ${bundle.diffusion.timesteps} timesteps with one expert each`,
    );
  }
  const found = await hashes(folder);
  const damaged = Object.keys(bundle.files).find((file) => found[file] !== bundle.files[file]);
  if (damaged !== undefined) throw invalid(`${join(folder, damaged)} is missing or damaged`);
  return bundle;
}

/**
 * Loads the experts of a bundle behind the router.
 *
 * @param diffusion of what is to be sampled with it; the bundle's own without it
 * @throws input errors `BUNDLE_INVALID`, and `BUNDLE_MISMATCH` where experts were trained on other timesteps, another schedule or
 *   another target: their outputs would mean something else
 */
export async function openBundle(folder: string, bundle: Bundle, expected?: DiffusionConfig): Promise<Denoiser> {
  if (expected !== undefined) refuseMismatch(folder, bundle.diffusion, expected);
  const objective = trainingObjective(bundle);
  const networks = await Promise.all(bundle.experts.map((expert) => readModelFolder(join(folder, expert.folder))));
  return routeByTimestep(
    bundle.bounds,
    networks.map(({ spec, weights }) => createNetworkDenoiser(spec, weights, objective)),
  );
}

function refuseMismatch(folder: string, own: DiffusionConfig, expected: DiffusionConfig): void {
  const fields = Object.keys(own) as (keyof DiffusionConfig)[];
  const field = fields.find((name) => own[name] !== expected[name]);
  if (field === undefined) return;
  throw inputError(
    'BUNDLE_MISMATCH',
    `the experts of ${folder} were trained with diffusion.${field} ${String(own[field])}, not ${String(expected[field])}`,
    'sample the bundle by itself (`stepadapt sample BUNDLE`), or in a project with the same diffusion settings',
  );
}

/** SHA-256 of every file below a folder but the bundle's own, under names with forward slashes. */
async function hashes(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
  const result: Record<string, string> = {};
  for (const file of files.filter((name) => name !== BUNDLE_FILE).sort()) {
    result[file.split(sep).join('/')] = createHash('sha256')
      .update(await readFile(join(folder, file)))
      .digest('hex');
  }
  return result;
}

/** @throws input error `EXPORT_EXISTS` */
export async function refuseExisting(path: string): Promise<void> {
  if (await isThere(path)) {
    throw inputError('EXPORT_EXISTS', `${path} exists already`, 'choose another --out, or remove it first');
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null)) !== null;
}

function invalid(why: string): StepAdaptError {
  return inputError('BUNDLE_INVALID', why, 'copy the whole bundle again, or export it again');
}
