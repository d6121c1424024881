import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import sharp from 'sharp';

export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const ENTRY = resolve(import.meta.dirname, '../../build/stepadapt.mjs');
const FAULTS = resolve(import.meta.dirname, '../fault/preloadFaults.mjs');

interface CliOptions {
  readonly cwd?: string;
  /** Troubles with files, as `test/fault/preloadFaults.mjs` names them. */
  readonly faults?: object;
  readonly onOutput?: (text: string, kill: (signal: NodeJS.Signals) => void) => void;
}

/** Runs the command line in a process of its own. `onOutput` sees stdout and stderr as they come, with the process. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const { cwd, faults } = options;
  const preload = faults === undefined ? [] : ['--import', FAULTS];
  const env = { ...process.env, ...(faults !== undefined && { STEPADAPT_FAULTS: JSON.stringify(faults) }) };
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [...preload, ENTRY, ...args], {
      cwd,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const text = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (part: string) => {
        text[stream] += part;
        options.onOutput?.(part, (signal) => child.kill(signal));
      });
    }
    child.on('error', fail).on('close', (code) => done({ code, ...text }));
  });
}

/** Writes a folder of small distinct pictures, enough to train on. */
export async function makeImageFolder(folder: string, count: number, size = 8): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (let index = 0; index < count; index++) {
    const pixels = Buffer.from(
      Array.from({ length: size * size * 3 }, (_, position) => (position * (index + 3) + 40 * index) % 256),
    );
    await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
      .png()
      .toFile(join(folder, `${String(index).padStart(3, '0')}.png`));
  }
  return folder;
}

/** `--set` arguments of an experiment that runs from data to report in seconds on any engine. */
export function tinyExperiment(images: string, settings: Readonly<Record<string, unknown>> = {}): string[] {
  const all: Record<string, unknown> = {
    engine: 'wasm',
    'data.source': 'images',
    'data.path': images,
    'data.size': 8,
    'model.channels': 8,
    'model.normGroups': 4,
    'model.attention': [4],
    'diffusion.timesteps': 50,
    'base.steps': 6,
    'base.batch': 4,
    'base.warmup': 2,
    'base.checkpointEvery': 2,
    'base.sampleEvery': 3,
    'grouping.groups': 2,
    'experts.steps': 3,
    'experts.warmup': 1,
    'pruning.evidence': 4,
    'pruning.rounds': 2,
    'pruning.proxySteps': 1,
    'pruning.proxyImages': 4,
    'sampling.steps': 5,
    'sampling.batch': 4,
    'evaluation.samples': 6,
    ...settings,
  };
  return Object.entries(all).flatMap(([field, value]) => [
    '--set',
    `${field}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  ]);
}
