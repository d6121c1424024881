import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openEngine } from '../../src/tensor/openEngine.js';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'stepadapt-engines-'));
  vi.stubEnv('STEPADAPT_ENGINE_HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

it('takes the portable engine where no native library is installed', async () => {
  expect(await openEngine('auto')).toMatchObject({ id: 'wasm', device: 'cpu', threads: 1 });
  expect(tf.getBackend()).toBe('wasm');
  expect(tf.tidy(() => tf.add(1, 2).dataSync()[0])).toBe(3);
});

it('refuses the native engine where it is not installed, and says what to do', async () => {
  await expect(openEngine('native')).rejects.toMatchObject({
    code: 'ENGINE_UNAVAILABLE',
    message: `no native tensor library is installed under ${home}`,
    hint: expect.stringContaining('npm run setup') as string,
  });
});

it('falls back when the library is damaged, and names the variant when asked for it', async () => {
  const binding = join(home, 'damaged', 'tfjs_binding.node');
  mkdirSync(join(home, 'damaged'));
  writeFileSync(binding, 'not a library');
  writeFileSync(join(home, 'active.json'), JSON.stringify({ folder: 'damaged' }));
  const manifest = { variant: 'damaged', tensorflow: '2.21.0', binding, device: 'cpu' };
  writeFileSync(join(home, 'damaged', 'manifest.json'), JSON.stringify(manifest));
  await expect(openEngine('native')).rejects.toMatchObject({
    code: 'ENGINE_UNAVAILABLE',
    message: expect.stringContaining('the native tensor library damaged did not load') as string,
  });
  expect((await openEngine('auto')).id).toBe('wasm');
});
