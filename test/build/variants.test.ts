import { describe, expect, it } from 'vitest';
import { variantsFor } from '../../build/nativeEngine/variants.mjs';

const linux = { platform: 'linux', arch: 'x64', glibc: '2.36', nvidia: false };
const ids = (...args: Parameters<typeof variantsFor>) => variantsFor(...args).map(({ id }) => id);

describe('variantsFor', () => {
  it('takes the CPU library on a machine without an NVIDIA GPU', () => {
    expect(ids('auto', linux)).toEqual(['tensorflow-2.21.0-cpu-linux-x64']);
  });

  it('prefers CUDA where a GPU answers and keeps the CPU library as second choice', () => {
    expect(ids('auto', { ...linux, nvidia: true })).toEqual([
      'tensorflow-2.21.0-cuda-linux-x64',
      'tensorflow-2.21.0-cpu-linux-x64',
    ]);
  });

  it('does what it is told, GPU or not', () => {
    expect(ids('cpu', { ...linux, nvidia: true })).toEqual(['tensorflow-2.21.0-cpu-linux-x64']);
    expect(ids('cuda', linux)).toEqual(['tensorflow-2.21.0-cuda-linux-x64']);
    expect(ids('none', { ...linux, nvidia: true })).toEqual([]);
  });

  it('knows the 64-bit ARM machines', () => {
    expect(ids('auto', { ...linux, arch: 'arm64', nvidia: true })).toEqual(['tensorflow-2.21.0-cpu-linux-arm64']);
    expect(ids('auto', { platform: 'darwin', arch: 'arm64', glibc: null, nvidia: false })).toEqual([
      'tensorflow-2.21.0-cpu-macos-arm64',
    ]);
  });

  it.each([
    ['Windows', { platform: 'win32', arch: 'x64', glibc: null }],
    ['macOS on Intel', { platform: 'darwin', arch: 'x64', glibc: null }],
    ['Linux with musl', { ...linux, glibc: null }],
    ['Linux with a C library older than the wheels', { ...linux, glibc: '2.17' }],
    ['32-bit ARM', { ...linux, arch: 'arm' }],
  ])('offers nothing for %s', (_name, host) => {
    expect(ids('auto', { nvidia: true, ...host })).toEqual([]);
    expect(ids('cuda', { nvidia: true, ...host })).toEqual([]);
  });

  it('compares C library versions by number, not by letter', () => {
    expect(ids('cpu', { ...linux, glibc: '2.4' })).toEqual([]);
    expect(ids('cpu', { ...linux, glibc: '2.100' })).toHaveLength(1);
  });

  it('names wheels as the package index does and pins each by its hash', () => {
    const wheels = variantsFor('auto', { ...linux, nvidia: true }).flatMap((variant) => variant.wheels);
    expect(wheels.map(({ file }) => file)).toContain('tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl');
    expect(wheels.map(({ file }) => file)).toContain(
      'nvidia_cuda_runtime_cu12-12.9.79-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl',
    );
    for (const { sha256, platform, file } of wheels) {
      expect(sha256).toMatch(/^[0-9a-f]{64}$/);
      expect(file).toContain(platform);
    }
    expect(new Set(wheels.map(({ sha256 }) => sha256)).size).toBe(wheels.length);
  });
});
