import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { activeNativeLibrary } from '../../src/tensor/nativeLibrary.js';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'stepadapt-library-'));
  vi.stubEnv('STEPADAPT_ENGINE_HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

function install(binding: string): void {
  mkdirSync(join(home, 'engine'));
  writeFileSync(join(home, 'active.json'), JSON.stringify({ folder: 'engine' }));
  const manifest = { variant: 'engine', tensorflow: '2.21.0', binding, device: 'cpu' };
  writeFileSync(join(home, 'engine', 'manifest.json'), JSON.stringify(manifest));
}

it('finds a binding where the set-up put it', () => {
  const place = join(home, 'elsewhere', 'tfjs_binding.node');
  install(place);
  expect(activeNativeLibrary()).toMatchObject({ binding: place, device: 'cpu' });
});

it('finds the binding of an engine that travels in a package beside its manifest', () => {
  install('tfjs_binding.node');
  expect(activeNativeLibrary().binding).toBe(join(home, 'engine', 'tfjs_binding.node'));
});
