import { describe, expect, it } from 'vitest';
import { lockHash, packagesNeed } from '../../build/setup/packages.mjs';

const packages = {
  '': { name: 'stepadapt-studio' },
  'node_modules/zod': { version: '4.6.7' },
  'node_modules/@esbuild/win32-x64': { version: '0.28.2', optional: true },
};
const lock = JSON.stringify({ packages });
const record = (entries: object) => JSON.stringify({ packages: entries });

describe('packagesNeed', () => {
  it('installs into an empty checkout', () => {
    expect(packagesNeed({ lock, installed: null, stamp: null })).toBe('install');
    expect(packagesNeed({ lock, installed: null, stamp: lockHash(lock) })).toBe('install');
  });

  it('does nothing when the lock file is the one that was installed', () => {
    expect(packagesNeed({ lock, installed: record({}), stamp: lockHash(lock) })).toBe('current');
  });

  it('accepts packages that somebody else installed, without binaries of other platforms', () => {
    const installed = record({ 'node_modules/zod': { version: '4.6.7' } });
    expect(packagesNeed({ lock, installed, stamp: null })).toBe('stamp');
    expect(packagesNeed({ lock, installed, stamp: lockHash('an older lock file') })).toBe('stamp');
  });

  it('installs when a package is missing or has another version', () => {
    expect(packagesNeed({ lock, installed: record({}), stamp: null })).toBe('install');
    const older = record({ 'node_modules/zod': { version: '4.6.6' } });
    expect(packagesNeed({ lock, installed: older, stamp: lockHash('an older lock file') })).toBe('install');
  });

  it('installs when an optional package has another version', () => {
    const installed = record({
      'node_modules/zod': { version: '4.6.7' },
      'node_modules/@esbuild/win32-x64': { version: '0.27.0' },
    });
    expect(packagesNeed({ lock, installed, stamp: null })).toBe('install');
  });
});
