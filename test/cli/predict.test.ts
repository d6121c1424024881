import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { decodeNpz, encodeNpz } from '../../src/formats/npz.js';
import { decodeSafetensors } from '../../src/formats/safetensors.js';
import { runCli } from './runCli.js';
import { removeFolder } from '../removeFolder.js';

const golden = resolve(import.meta.dirname, '../golden');
let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-predict-'));
});
afterAll(() => removeFolder(root));

it('gives the output that diffusers gives for the same folder, inputs and timesteps', async () => {
  const { tensors } = decodeSafetensors(await readFile(join(golden, 'unet-small-io.safetensors')));
  const [x, t, y] = ['x', 't', 'noise'].map((name) => tensors.get(name)!);
  const timesteps = Int32Array.from(t.data as ArrayLike<number | bigint>, Number);
  const input = encodeNpz({
    x: { dtype: '<f4', shape: [...x.shape], data: x.data as Float32Array },
    t: { dtype: '<i4', shape: [timesteps.length], data: timesteps },
  });
  await writeFile(join(root, 'x.npz'), input);
  const out = join(root, 'y.npz');
  const args = ['predict', '--model', join(golden, 'unet-small'), '--input', join(root, 'x.npz'), '--out', out];
  const result = await runCli([...args, '--engine', 'wasm', '--json']);
  expect(result.code, result.stderr).toBe(0);
  expect(JSON.parse(result.stdout)).toMatchObject({ out, shape: [...x.shape], engine: 'wasm' });
  const predicted = decodeNpz(await readFile(out)).get('y')!;
  expect(predicted.shape).toEqual([...y.shape]);
  const expected = y.data as Float32Array;
  const worst = expected.reduce((max, value, i) => Math.max(max, Math.abs(value - Number(predicted.data[i]))), 0);
  expect(worst).toBeLessThan(1e-4);
  expect(expected.some((value) => Math.abs(value) > 0.1)).toBe(true);
});

it('refuses inputs of another shape by name', async () => {
  const x = { dtype: '<f4', shape: [1, 3, 4, 4], data: new Float32Array(48) } as const;
  await writeFile(join(root, 'odd.npz'), encodeNpz({ x, t: { dtype: '<i4', shape: [1], data: Int32Array.of(1) } }));
  const args = [
    'predict',
    '--model',
    join(golden, 'unet-small'),
    '--input',
    join(root, 'odd.npz'),
    '--out',
    join(root, 'z'),
  ];
  const result = await runCli([...args, '--json']);
  expect(result.code).toBe(2);
  expect(JSON.parse(result.stdout).error).toMatchObject({
    code: 'NPZ_WRONG_ARRAY',
    message: expect.stringContaining('"x"'),
  });
});
