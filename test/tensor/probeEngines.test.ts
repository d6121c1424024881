import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probeEngines } from '../../src/tensor/probeEngines.js';
import { nativeMissing } from './engines.js';

const folder = mkdtempSync(join(tmpdir(), 'stepadapt-probe-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('with the real probe', () => {
  // Beneath node_modules, so that the packages the probe imports are found from there.
  const entry = join(import.meta.dirname, '../../node_modules/.cache/stepadapt-test/probeEntry.mjs');
  beforeAll(async () => {
    const source = join(import.meta.dirname, '../../src/tensor/probeEntry.ts');
    await build({
      entryPoints: [source],
      outfile: entry,
      bundle: true,
      packages: 'external',
      format: 'esm',
      platform: 'node',
    });
  });

  it('reports every engine that works here', async () => {
    const [native, wasm] = await probeEngines({ entry });
    expect(wasm).toEqual({ id: 'wasm', available: true, version: 'tfjs wasm 4.22.0', device: 'cpu', reason: null });
    expect(native).toMatchObject({ id: 'native', available: nativeMissing === null, reason: nativeMissing });
    if (nativeMissing === null) expect(native?.version).toMatch(/^TensorFlow \d+\.\d+\.\d+/);
  });

  it('says when the native library is not installed', async () => {
    const before = process.env['STEPADAPT_ENGINE_HOME'];
    process.env['STEPADAPT_ENGINE_HOME'] = folder;
    try {
      const [native] = await probeEngines({ entry });
      expect(native).toEqual({
        id: 'native',
        available: false,
        version: null,
        device: null,
        reason: `no native tensor library is installed under ${folder}`,
      });
    } finally {
      if (before === undefined) delete process.env['STEPADAPT_ENGINE_HOME'];
      else process.env['STEPADAPT_ENGINE_HOME'] = before;
    }
  });
});

describe('when the probe goes wrong', () => {
  it.each([
    { what: 'a crash', script: 'process.abort()', reason: /process (was ended by SIGABRT|failed with exit code)/ },
    {
      what: 'an exception',
      script: 'throw new Error("bad library")',
      reason: /failed with exit code 1: Error: bad library/,
    },
    { what: 'a hang', script: 'setInterval(() => {}, 1000)', reason: /no answer within 0.5 s/ },
    { what: 'rubbish', script: 'console.log("hello")', reason: /unreadable answer: hello/ },
    {
      what: 'a wrong result',
      script: `console.log(JSON.stringify({ version: 'x', device: 'cpu', reason: 'a convolution gave 0' }))`,
      reason: /a convolution gave 0/,
    },
  ])('$what makes the engine unavailable', async ({ what, script, reason }) => {
    const entry = join(folder, 'broken.mjs');
    writeFileSync(entry, script);
    const statuses = await probeEngines({ entry, timeout: what === 'a hang' ? 500 : 20_000 });
    expect(statuses.map((status) => status.available)).toEqual([false, false]);
    for (const status of statuses) expect(status.reason).toMatch(reason);
  });
});
