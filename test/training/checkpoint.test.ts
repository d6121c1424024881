import { mkdtemp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modelSchema } from '../../src/contract/config.js';
import { buildUNetSpec } from '../../src/model/buildSpec.js';
import { readModelFolder } from '../../src/model/diffusersFolder.js';
import { initialiseWeights } from '../../src/model/initialise.js';
import type { Weights } from '../../src/model/weights.js';
import { latestCheckpoint, readCheckpoint, writeCheckpoint, type Checkpoint } from '../../src/training/checkpoint.js';
import { pruneCheckpoints } from '../../src/training/checkpointFolders.js';

const spec = buildUNetSpec(
  modelSchema.parse({ channels: 4, multipliers: [1, 2], blocks: 1, attention: [], dropout: 0, normGroups: 2 }),
  { size: 8, channels: 1 },
);
const engine = { id: 'wasm', version: 'some version', device: 'cpu', threads: 2 } as const;

function checkpoint(step: number): Checkpoint {
  const [weights, ema, firstMoment, secondMoment] = [1, 2, 3, 4].map((seed) => initialiseWeights(spec, seed + step));
  return {
    spec,
    state: { weights, ema, firstMoment, secondMoment },
    meta: { step, seed: 9, engine, extra: { note: 'mine', list: [1, 0.1] } },
  };
}

const plain = (weights: Weights) =>
  [...weights].map(([name, { shape, data }]) => [name, [...shape], Buffer.from(data.slice().buffer).toString('hex')]);

function expectSame(actual: Checkpoint, expected: Checkpoint): void {
  expect(actual.meta).toEqual(expected.meta);
  expect(actual.spec).toEqual(expected.spec);
  for (const part of ['weights', 'ema', 'firstMoment', 'secondMoment'] as const) {
    expect(plain(actual.state[part]).sort()).toEqual(plain(expected.state[part]).sort());
  }
}

let stage: string;
beforeEach(async () => {
  stage = await mkdtemp(join(tmpdir(), 'stepadapt-checkpoint-'));
});
afterEach(() => rm(stage, { recursive: true, force: true }));

const folders = () => readdir(join(stage, 'checkpoints'));

async function writeAll(steps: readonly number[]): Promise<string[]> {
  const written: string[] = [];
  for (const step of steps) written.push(await writeCheckpoint(stage, checkpoint(step)));
  return written;
}

async function flipByte(path: string, position: number): Promise<void> {
  const bytes = await readFile(path);
  bytes[position < 0 ? bytes.length + position : position] ^= 1;
  await writeFile(path, bytes);
}

describe('writeCheckpoint and readCheckpoint', () => {
  it('give back everything, bit for bit', async () => {
    const folder = await writeCheckpoint(stage, checkpoint(5));
    expectSame(await readCheckpoint(folder), checkpoint(5));
  });

  it('write the averaged weights as a model folder of their own', async () => {
    const folder = await writeCheckpoint(stage, checkpoint(5));
    const model = await readModelFolder(folder);
    expect(plain(model.weights).sort()).toEqual(plain(checkpoint(5).state.ema).sort());
  });

  it('point to the newest from the file `latest`', async () => {
    await writeCheckpoint(stage, checkpoint(5));
    await writeCheckpoint(stage, checkpoint(10));
    const pointer = (await readFile(join(stage, 'latest'), 'utf8')).trim();
    expectSame(await readCheckpoint(join(stage, pointer)), checkpoint(10));
  });

  it('replace a checkpoint of the same step', async () => {
    const folder = await writeCheckpoint(stage, checkpoint(5));
    await flipByte(join(folder, 'raw.safetensors'), -1);
    expectSame(await readCheckpoint(await writeCheckpoint(stage, checkpoint(5))), checkpoint(5));
    expect(await folders()).toHaveLength(1);
  });

  it('sweep what an interrupted write left', async () => {
    const left = join(stage, 'checkpoints', '.writing-step-00000003');
    await mkdir(left, { recursive: true });
    await writeFile(join(left, 'raw.safetensors'), 'half');
    expect(await latestCheckpoint(stage)).toEqual({ found: null, damaged: [] });
    await writeCheckpoint(stage, checkpoint(5));
    expect(await folders()).toEqual(['step-00000005']);
  });

  it.each([
    'state.json',
    'raw.safetensors',
    'first-moment.safetensors',
    'second-moment.safetensors',
    'unet/config.json',
    'unet/diffusion_pytorch_model.safetensors',
  ])('notice one flipped bit or a missing file and name it: %s', async (file) => {
    const folder = await writeCheckpoint(stage, checkpoint(5));
    const path = join(folder, file);
    const named = { code: 'CHECKPOINT_CORRUPT', message: expect.stringContaining(path) as unknown };
    const intact = await readFile(path);
    for (const position of [0, Math.floor(intact.length / 2), -3]) {
      await flipByte(path, position);
      await expect(readCheckpoint(folder)).rejects.toMatchObject(named);
      await writeFile(path, intact);
    }
    await writeFile(path, intact.subarray(0, intact.length / 2));
    await expect(readCheckpoint(folder)).rejects.toMatchObject(named);
    await rm(path);
    await expect(readCheckpoint(folder)).rejects.toMatchObject(named);
  });

  it('leave the old state and no debris when the disk is full at any file', async () => {
    await writeCheckpoint(stage, checkpoint(5));
    for (let room = 0; room < 4; room++) {
      let written = 0;
      const fullDisk = async (path: string, data: Uint8Array) => {
        const fits = written++ < room;
        await writeFile(path, fits ? data : data.subarray(0, 10));
        if (!fits) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      };
      await expect(writeCheckpoint(stage, checkpoint(10), fullDisk)).rejects.toMatchObject({ code: 'ENOSPC' });
      expect(await folders()).toEqual(['step-00000005']);
      expect((await readFile(join(stage, 'latest'), 'utf8')).trim()).toBe('checkpoints/step-00000005');
    }
  });
});

describe('latestCheckpoint', () => {
  it('finds nothing in a new stage', async () => {
    expect(await latestCheckpoint(join(stage, 'not there'))).toEqual({ found: null, damaged: [] });
  });

  it('orders by step, not by name or time', async () => {
    for (const step of [200, 100_000_000, 30]) await writeCheckpoint(stage, checkpoint(step));
    expect((await latestCheckpoint(stage)).found?.checkpoint.meta.step).toBe(100_000_000);
  });

  it('falls back to the newest intact one and says what is damaged', async () => {
    const [intact, second, newest] = await writeAll([10, 20, 30]);
    await flipByte(join(newest, 'raw.safetensors'), -1);
    await rm(join(second, 'state.json'));
    const { found, damaged } = await latestCheckpoint(stage);
    expect(found!.folder).toBe(intact);
    expectSame(found!.checkpoint, checkpoint(10));
    expect(damaged.map(({ message }) => message)).toEqual([
      `${join(newest, 'raw.safetensors')} does not match its hash`,
      `${join(second, 'state.json')} is missing`,
    ]);
  });

  it('does not start over silently when every checkpoint is damaged', async () => {
    const [only] = await writeAll([10]);
    await rm(join(only, 'raw.safetensors'));
    await expect(latestCheckpoint(stage)).rejects.toMatchObject({ kind: 'failure', code: 'CHECKPOINT_CORRUPT' });
  });

  it('refuses a checkpoint of another format version instead of passing over it', async () => {
    const folder = await writeCheckpoint(stage, checkpoint(10));
    const { createHash } = await import('node:crypto');
    const { sha256, ...state } = JSON.parse(await readFile(join(folder, 'state.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    const newer = { ...state, version: 2 };
    const hash = createHash('sha256').update(JSON.stringify(newer)).digest('hex');
    await writeFile(join(folder, 'state.json'), JSON.stringify({ ...newer, sha256: hash }));
    await expect(latestCheckpoint(stage)).rejects.toMatchObject({ code: 'CHECKPOINT_VERSION' });
  });
});

describe('pruneCheckpoints', () => {
  it('keeps the newest ones', async () => {
    await writeAll([10, 20, 30, 40]);
    await pruneCheckpoints(stage, 2);
    expect(await folders()).toEqual(['step-00000030', 'step-00000040']);
    expectSame((await latestCheckpoint(stage)).found!.checkpoint, checkpoint(40));
  });
});
