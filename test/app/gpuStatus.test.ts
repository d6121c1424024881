import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { GpuMonitor, parseGpus } from '../../src/app/gpuStatus.js';

const folder = mkdtempSync(join(tmpdir(), 'stepadapt-gpu-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A stand-in for the driver's tool. */
function program(name: string, script: string): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

it('reads every GPU; what the driver does not know stays unknown', () => {
  expect(parseGpus('NVIDIA A100, 1024, 40960, 87, 63\nNVIDIA GB10, 10, 100, [N/A], [N/A]\n\nnonsense\n')).toEqual([
    { name: 'NVIDIA A100', usedBytes: 2 ** 30, totalBytes: 40 * 2 ** 30, load: 0.87, celsius: 63 },
    { name: 'NVIDIA GB10', usedBytes: 10 * 2 ** 20, totalBytes: 100 * 2 ** 20, load: null, celsius: null },
  ]);
});

it.skipIf(process.platform === 'win32')('asks the tool for memory, load and temperature in bare numbers', async () => {
  const path = program('works', 'echo "$@" >&2; echo "GPU, 1, 2, 3, 4"');
  expect(await new GpuMonitor(path).read()).toMatchObject({ gpus: [{ name: 'GPU', celsius: 4 }], reason: null });
});

it('says why there is none', async () => {
  const missing = new GpuMonitor(join(folder, 'no-such-tool'));
  expect((await missing.read()).reason).toContain('not installed');
  expect((await missing.read()).gpus).toEqual([]);
  if (process.platform === 'win32') return;
  const path = program('fails', 'echo "NVIDIA-SMI has failed because of the driver"; exit 9');
  expect((await new GpuMonitor(path).read()).reason).toContain('has failed because of the driver');
});
