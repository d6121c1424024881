import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomProjection } from '../../src/evaluation/randomProjection.js';
import { decodeNpz, requireArray } from '../../src/formats/npz.js';
import { makeImageFolder, runCli, tinyExperiment } from './runCli.js';
import { removeFolder } from '../removeFolder.js';

let root: string;
const at = (name: string) => join(root, name);
const arraysOf = async (name: string) => decodeNpz(await readFile(at(name)), name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-sample-'));
  const images = await makeImageFolder(at('images'), 12);
  expect((await runCli(['new', at('first'), ...tinyExperiment(images)])).code).toBe(0);
  expect((await runCli(['run', at('first'), '--until', 'base'])).code).toBe(0);
  expect((await runCli(['run', at('first'), '--only', 'features'])).code).toBe(0);
}, 60_000);
afterAll(() => removeFolder(root));

describe('sample --statistics', () => {
  it("are mean and covariance of the images that it would draw, in the project's features", async () => {
    const draw = ['sample', at('first'), '--model', 'base', '--count', '7', '--seed', '3', '--out'];
    expect((await runCli([...draw, at('images.npz')])).code).toBe(0);
    expect((await runCli([...draw, at('statistics.npz'), '--statistics'])).code).toBe(0);

    const { data: pixels } = requireArray(
      await arraysOf('images.npz'),
      ['arr_0'],
      { dtypes: ['|u1'], shape: [7, 8, 8, 3] },
      'images.npz',
    );
    const saved = await arraysOf('statistics.npz');
    const mu = saved.get('mu')!.data;
    const sigma = saved.get('sigma')!.data;
    // Images in one folder have no labels, so the features are random projections of their pixels.
    const extractor = randomProjection({ size: 8, channels: 3 });
    const d = extractor.dimensions;
    const features = await extractor.extract(
      Float32Array.from(pixels, (value) => value / 127.5 - 1),
      7,
    );
    const mean = (axis: number) => [0, 1, 2, 3, 4, 5, 6].reduce((sum, row) => sum + features[row * d + axis]!, 0) / 7;
    for (const [i, j] of [
      [0, 0],
      [5, 40],
      [63, 1],
    ] as const) {
      const products = [0, 1, 2, 3, 4, 5, 6].map(
        (row) => (features[row * d + i]! - mean(i)) * (features[row * d + j]! - mean(j)),
      );
      expect(mu[i]).toBeCloseTo(mean(i), 5);
      expect(sigma[i * d + j]).toBeCloseTo(products.reduce((sum, value) => sum + value, 0) / 6, 5);
    }
  });

  it.each<[string, string[], string]>([
    ['another file', ['--out', 'images.npz'], 'STATISTICS_EXIST'],
    ['a folder of pictures', ['--out', 'pictures'], 'BAD_OPTION'],
    ['one image', ['--out', 'x.npz', '--count', '1'], 'BAD_OPTION'],
    ['a folder that is not there', ['--out', 'nowhere/x.npz'], 'FOLDER_NOT_FOUND'],
  ])('are refused in place of %s', async (_name, args, code) => {
    const before = await readFile(at('images.npz'));
    const result = await runCli(['sample', at('first'), '--model', 'base', '--statistics', ...args], { cwd: root });
    expect(result).toMatchObject({ code: 2 });
    expect(result.stderr).toContain(code);
    expect((await readFile(at('images.npz'))).equals(before)).toBe(true);
  });
});
