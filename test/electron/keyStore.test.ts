import { mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createKeyStore } from '../../electron/keyStore.js';
import { resetElectron, safeStorage } from './electronMock.js';
import { removeFolder } from '../removeFolder.js';

vi.mock('electron', () => import('./electronMock.js'));

const KEY = { key: 'sk-planted-0123456789', address: 'https://models.example' };
let folder: string;
let path: string;
beforeEach(() => {
  resetElectron();
  folder = mkdtempSync(join(tmpdir(), 'stepadapt-key-'));
  path = join(folder, 'key.json');
});
afterEach(() => removeFolder(folder));

describe('the store of the key', () => {
  it('holds nothing at first', async () => {
    expect(await createKeyStore(path).trouble()).toBeNull();
    expect(await createKeyStore(path).read()).toBeNull();
  });

  it('gives back what was kept, to a later life too, from a file that does not hold it in clear', async () => {
    await createKeyStore(path).write(KEY);
    expect(await createKeyStore(path).read()).toEqual(KEY);
    expect(readFileSync(path, 'utf8')).not.toContain('planted');
    if (process.platform !== 'win32') expect(statSync(path).mode & 0o777).toBe(0o600);
    await createKeyStore(path).forget();
    expect(readdirSync(folder)).toEqual([]);
    expect(await createKeyStore(path).read()).toBeNull();
  });

  it('encrypts again when the system has a newer key', async () => {
    await createKeyStore(path).write(KEY);
    safeStorage.shouldReEncrypt = true;
    expect(await createKeyStore(path).read()).toEqual(KEY);
    expect(safeStorage.encrypted).toBe(2);
  });

  it('is in trouble without a keychain', async () => {
    safeStorage.available = false;
    expect(await createKeyStore(path).trouble()).toContain('no keychain');
  });

  it.runIf(process.platform === 'linux')('does not take the password that everybody knows for a keyring', async () => {
    safeStorage.backend = 'basic_text';
    expect(await createKeyStore(path).trouble()).toContain('no keychain');
  });

  it('fails where the system does not give the key back, or the file is none of ours', async () => {
    await createKeyStore(path).write(KEY);
    safeStorage.refusal = 'the keyring is locked';
    await expect(createKeyStore(path).read()).rejects.toThrow('the keyring is locked');
    writeFileSync(path, '{}');
    await expect(createKeyStore(path).read()).rejects.toThrow();
  });
});
