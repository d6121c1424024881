import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { registerFidCommand } from '../../src/cli/commands/fid.js';
import { encodePng } from '../../src/formats/images.js';
import { decodeNpz, encodeNpz } from '../../src/formats/npz.js';
import { randomUniform } from '../../src/tensor/random.js';
import { removeFolder } from '../removeFolder.js';

const SIZE = 8;
let root: string;
const at = (name: string) => join(root, name);

/** Bytes of `count` images of noise, the first `bright` of them brighter. */
function noise(count: number, index: number, bright = 0): Uint8Array {
  const values = randomUniform({ seed: 2, stream: 'fid', index }, count * SIZE * SIZE * 3);
  return Uint8Array.from(values, (value, place) => value * 128 + (place < bright * SIZE * SIZE * 3 ? 100 : 0));
}

const imagesNpz = (count: number, data: Uint8Array) =>
  encodeNpz({ arr_0: { dtype: '|u1', shape: [count, SIZE, SIZE, 3], data } });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-fid-'));
  await writeFile(at('a.npz'), imagesNpz(40, noise(40, 0)));
  await writeFile(at('b.npz'), imagesNpz(40, noise(40, 0, 40)));
  await mkdir(at('shards'));
  await writeFile(at('shards/0.npz'), imagesNpz(25, noise(40, 0).subarray(0, 25 * 192)));
  await writeFile(at('shards/1.npz'), imagesNpz(15, noise(40, 0).subarray(25 * 192)));
  await mkdir(at('folder'));
  for (let image = 0; image < 40; image += 1) {
    const pixels = noise(40, 0).subarray(image * 192, (image + 1) * 192);
    const name = `folder/${String(image).padStart(3, '0')}.png`;
    await writeFile(at(name), await encodePng(pixels, { width: SIZE, height: SIZE, channels: 3 }));
  }
});
afterAll(() => removeFolder(root));
afterEach(() => vi.restoreAllMocks());

async function printed(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[stream], 'write').mockImplementation((part) => {
      text[stream] += String(part);
      return true;
    });
  }
  const program = new Command('stepadapt').exitOverride();
  registerFidCommand(program);
  await program.parseAsync(['fid', ...args], { from: 'user' });
  return text;
}

async function fid(...args: string[]): Promise<Record<string, unknown> & { fid: number }> {
  const { stdout } = await printed('--features', 'random-projection', ...args, '--json');
  return JSON.parse(stdout) as Record<string, unknown> & { fid: number };
}

const hashOf = ({ protocol }: Record<string, unknown>, set: number) =>
  (protocol as { sets: { hash: string }[] }).sets[set].hash;

describe('stepadapt fid', () => {
  it('finds equal sets at 0, whatever they are stored as', async () => {
    for (const other of ['a.npz', 'shards', 'folder']) {
      const result = await fid(at('a.npz'), at(other));
      expect(Math.abs(result.fid), other).toBeLessThan(1e-9);
      expect(result.protocol).toMatchObject({
        metric: 'FD (random projection)',
        sets: [
          { path: at('a.npz'), images: 40, hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
          { path: at(other), images: 40, hash: hashOf(result, 0) },
        ],
      });
    }
  });

  it('saves statistics that stand for the images', async () => {
    const direct = await fid(at('b.npz'), at('a.npz'), '--metrics', 'fid,kid,prdc');
    expect(direct.fid).toBeGreaterThan(0.01);
    expect(direct).toMatchObject({ precision: expect.any(Number), recall: expect.any(Number), kid: { subsets: 100 } });
    // Fewer than 1000 images on a side: half of them, and the card says so.
    expect(direct.protocol).toMatchObject({ kernel: { subsets: 100, subsetSize: 20 }, neighbours: 3 });
    expect(hashOf(direct, 0)).not.toBe(hashOf(direct, 1));
    await fid(
      '--save-stats',
      at('a.npz'),
      at('stats.npz'),
      '--batch-size',
      '7',
      '--num-workers',
      '2',
      '--device',
      'cpu',
    );
    const arrays = decodeNpz(await readFile(at('stats.npz')));
    expect(arrays.get('sigma')).toMatchObject({ dtype: '<f8', shape: [64, 64] });
    expect((await fid(at('b.npz'), at('stats.npz'))).fid).toBeCloseTo(direct.fid, 9);
    const alone = await fid(at('stats.npz'), at('stats.npz'));
    expect(Math.abs(alone.fid)).toBeLessThan(1e-9);
    expect(alone.protocol).toMatchObject({ metric: 'FD (saved statistics, 64 dimensions)', features: null });
  });

  it("takes lucidrains' names of the statistics, and computes the closed form", async () => {
    const statistics = (mean: number, deviation: number, names: [string, string]) => {
      const sigma = Float64Array.from({ length: 9 }, (_, index) => (index % 4 === 0 ? deviation ** 2 : 0));
      return encodeNpz({
        [names[0]]: { dtype: '<f8', shape: [3], data: new Float64Array(3).fill(mean) },
        [names[1]]: { dtype: '<f8', shape: [3, 3], data: sigma },
      });
    };
    await writeFile(at('m2.npz'), statistics(0.5, 2, ['m2', 's2']));
    await writeFile(at('mu.npz'), statistics(0, 1, ['mu', 'sigma']));
    // |m|^2 + d (1 - s)^2
    expect((await fid(at('m2.npz'), at('mu.npz'))).fid).toBeCloseTo(3 * 0.25 + 3, 12);
  });

  it('prints the line that pytorch-fid prints, and the card beside it', async () => {
    const { stdout, stderr } = await printed(at('b.npz'), at('a.npz'), '--features', 'random-projection');
    expect(stdout).toMatch(/^FD \(random projection\): {2}\d+\.\d+\n$/);
    expect(stderr).toMatch(/protocol\n.*random-projection-v1.*SHA-256.*40 images.*n - 1/s);
  });

  it.each<[string, () => Promise<string[]>, string]>([
    ['to overwrite statistics', async () => [at('a.npz'), at('b.npz'), '--save-stats'], 'STATISTICS_EXIST'],
    [
      'a device that the engine does not use',
      async () => [at('a.npz'), at('b.npz'), '--device', 'cuda:0'],
      'BAD_OPTION',
    ],
    ['features that are nowhere', async () => [at('a.npz'), at('b.npz'), '--features', at('no')], 'FEATURES_NOT_FOUND'],
    ['a missing set', async () => [at('nowhere'), at('a.npz')], 'SET_NOT_FOUND'],
    ['one set', async () => [at('a.npz')], 'BAD_USAGE'],
    ['an unknown metric', async () => [at('a.npz'), at('a.npz'), '--metrics', 'fid,best'], 'BAD_OPTION'],
    [
      'statistics for the kernel distance',
      async () => [at('stats.npz'), at('a.npz'), '--metrics', 'kid'],
      'STATISTICS_ONLY',
    ],
    ['statistics of another dimension', async () => [at('a.npz'), at('mu.npz')], 'STATISTICS_DIMENSIONS'],
    [
      'other keys',
      async () => {
        await writeFile(at('keys.npz'), encodeNpz({ images: { dtype: '|u1', shape: [1], data: new Uint8Array(1) } }));
        return [at('keys.npz'), at('a.npz')];
      },
      'NPZ_MISSING_KEY',
    ],
    [
      'float images',
      async () => {
        const data = new Float32Array(2 * 192);
        await writeFile(at('float.npz'), encodeNpz({ arr_0: { dtype: '<f4', shape: [2, 8, 8, 3], data } }));
        return [at('float.npz'), at('a.npz')];
      },
      'NPZ_WRONG_ARRAY',
    ],
    [
      'a covariance that is not square',
      async () => {
        const mu = { dtype: '<f8', shape: [2], data: new Float64Array(2) } as const;
        const sigma = { dtype: '<f8', shape: [2, 1], data: new Float64Array(2) } as const;
        await writeFile(at('flat.npz'), encodeNpz({ mu, sigma }));
        return [at('flat.npz'), at('a.npz')];
      },
      'NPZ_WRONG_ARRAY',
    ],
    [
      'statistics with NaN',
      async () => {
        const mu = { dtype: '<f8', shape: [1], data: Float64Array.of(Number.NaN) } as const;
        const sigma = { dtype: '<f8', shape: [1, 1], data: Float64Array.of(1) } as const;
        await writeFile(at('nan.npz'), encodeNpz({ mu, sigma }));
        return [at('nan.npz'), at('a.npz')];
      },
      'STATISTICS_NOT_FINITE',
    ],
    [
      'statistics without dimensions',
      async () => {
        const mu = { dtype: '<f8', shape: [0], data: new Float64Array(0) } as const;
        const sigma = { dtype: '<f8', shape: [0, 0], data: new Float64Array(0) } as const;
        await writeFile(at('none.npz'), encodeNpz({ mu, sigma }));
        return [at('none.npz'), at('none.npz')];
      },
      'STATISTICS_INVALID',
    ],
    ...(
      [
        ['a negative variance', [1, 0, 0, -1]],
        ['two triangles that differ', [1, 0.5, 0.2, 1]],
        ['a covariance above both variances', [1, 2, 2, 1]],
      ] as const
    ).map(([name, values]): [string, () => Promise<string[]>, string] => [
      name,
      async () => {
        const mu = { dtype: '<f8', shape: [2], data: new Float64Array(2) } as const;
        const sigma = { dtype: '<f8', shape: [2, 2], data: Float64Array.from(values) } as const;
        await writeFile(at('sigma.npz'), encodeNpz({ mu, sigma }));
        return [at('sigma.npz'), at('sigma.npz')];
      },
      'STATISTICS_INVALID',
    ]),
    [
      'classes of features that know none',
      async () => [at('a.npz'), at('b.npz'), '--metrics', 'is'],
      'CLASSES_UNKNOWN',
    ],
    [
      'statistics in a folder that is not there, before it computes',
      async () => [at('a.npz'), at('nowhere/stats.npz'), '--save-stats'],
      'FOLDER_NOT_FOUND',
    ],
    [
      'a file that is cut off',
      async () => {
        const whole = await readFile(at('a.npz'));
        await writeFile(at('cut.npz'), whole.subarray(0, whole.length / 2));
        return [at('cut.npz'), at('a.npz')];
      },
      'NPZ_INVALID',
    ],
    [
      'an empty file of images',
      async () => {
        await writeFile(at('empty.npz'), imagesNpz(0, new Uint8Array(0)));
        return [at('empty.npz'), at('a.npz')];
      },
      'SET_TOO_SMALL',
    ],
    [
      'a single image',
      async () => {
        await writeFile(at('one.npz'), imagesNpz(1, noise(1, 1)));
        return [at('one.npz'), at('a.npz')];
      },
      'SET_TOO_SMALL',
    ],
    [
      'npz images of two sizes',
      async () => {
        const data = new Uint8Array(2 * 16 * 16 * 3);
        await writeFile(at('large.npz'), encodeNpz({ arr_0: { dtype: '|u1', shape: [2, 16, 16, 3], data } }));
        return [at('a.npz'), at('large.npz')];
      },
      'SET_OTHER_SIZE',
    ],
  ])('refuses %s', async (_name, make, code) => {
    await expect(fid(...(await make()))).rejects.toMatchObject({ kind: 'input', code });
  });
});
