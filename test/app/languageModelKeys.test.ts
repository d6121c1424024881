import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createApplication } from '../../src/app/application.js';
import { LanguageModelKeys, type KeyStore } from '../../src/app/languageModelKeys.js';
import type { LanguageModelKey } from '../../src/contract/languageModelKey.js';
import { KEY_VARIABLE } from '../../src/pipeline/languageModelService.js';
import { removeFolder } from '../removeFolder.js';

const KEPT = { key: 'sk-kept', address: 'https://models.example' };

/** A store in memory. */
function storeOf(kept: LanguageModelKey | null, trouble: string | null = null): KeyStore {
  return {
    trouble: async () => trouble,
    read: async () => kept,
    write: async (key) => void (kept = key),
    forget: async () => void (kept = null),
  };
}

async function loaded(store: KeyStore | null, env: NodeJS.ProcessEnv = {}) {
  const keys = new LanguageModelKeys(store, env);
  await keys.load();
  return { keys, ...keys.commands() };
}

describe('the key of the language model', () => {
  it('is handed to engine processes from the store, with its address', async () => {
    const host = await loaded(storeOf(KEPT));
    expect(host.keys.environment()).toEqual({
      STEPADAPT_LANGUAGE_MODEL_KEY: 'sk-kept',
      STEPADAPT_LANGUAGE_MODEL_URL: 'https://models.example',
    });
    expect(await host['languageModelKey.get']({})).toEqual({
      source: 'stored',
      address: 'https://models.example',
      trouble: null,
      lost: null,
    });
    expect(await host['languageModelKey.forget']({})).toEqual({
      source: null,
      address: null,
      trouble: null,
      lost: null,
    });
    expect(host.keys.environment()).toEqual({});
    expect(await host['languageModelKey.set']({ ...KEPT, key: 'sk-new' })).toMatchObject({ source: 'stored' });
    expect(host.keys.environment()).toMatchObject({ STEPADAPT_LANGUAGE_MODEL_KEY: 'sk-new' });
  });

  it('of the environment wins, with its own address or none', async () => {
    const host = await loaded(storeOf(KEPT), { STEPADAPT_LANGUAGE_MODEL_KEY: 'sk-env' });
    expect(host.keys.environment()).toEqual({});
    expect(await host['languageModelKey.get']({})).toMatchObject({ source: 'environment', address: null });
  });

  it('is not kept where there is no safe place, or not now', async () => {
    for (const store of [null, storeOf(null, 'no keyring')]) {
      const host = await loaded(store);
      await expect(host['languageModelKey.set'](KEPT)).rejects.toMatchObject({ code: 'KEY_NOT_KEPT' });
      expect(host.keys.environment()).toEqual({});
    }
  });

  it('that the system does not give back is reported, and can be given again', async () => {
    const locked = { ...storeOf(KEPT), read: () => Promise.reject(new Error('the keyring is locked')) };
    const host = await loaded(locked);
    expect(host.keys.environment()).toEqual({});
    expect((await host['languageModelKey.get']({})).lost).toContain('the keyring is locked');
    expect(await host['languageModelKey.set'](KEPT)).toMatchObject({ source: 'stored', lost: null });
  });
});

describe('an application with a kept key', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'stepadapt-key-'));
    vi.stubEnv(KEY_VARIABLE, '');
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await removeFolder(root);
  });

  it('starts its engines with it', async () => {
    const entry = join(root, 'engine.mjs');
    const told = join(root, 'told');
    await writeFile(
      entry,
      `import { writeFileSync } from 'node:fs';
      process.send({ type: 'ready' });
      process.on('message', () => {
        const { ${KEY_VARIABLE}: key, STEPADAPT_LANGUAGE_MODEL_URL: url } = process.env;
        writeFileSync(${JSON.stringify(told)}, JSON.stringify({ key, url }));
        process.send({ type: 'stopped' }, () => process.exit());
      });`,
    );
    const app = await createApplication({
      host: 'process',
      dataFolder: join(root, 'data'),
      roots: null,
      engine: { entry },
      keyStore: storeOf(KEPT),
    });
    try {
      const made = await app.call('projects.create', { name: 'p', preset: 'shapes-tiny' });
      if (!made.ok) throw new Error(made.error.message);
      const { id } = made.value;
      await app.call('runs.start', { id });
      const state = async () => {
        const now = await app.call('projects.open', { id });
        return now.ok ? now.value.job?.state : now.error.message;
      };
      await vi.waitUntil(async () => (await state()) === 'interrupted', { timeout: 240_000 });
      expect(JSON.parse(await readFile(told, 'utf8'))).toEqual({ key: KEPT.key, url: KEPT.address });
    } finally {
      await app.close();
    }
  });
});
