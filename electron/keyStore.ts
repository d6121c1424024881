import { readFile, rm } from 'node:fs/promises';
import { safeStorage } from 'electron';
import writeFileAtomic from 'write-file-atomic';
import { z } from 'zod';
import type { KeyStore } from '../src/app/languageModelKeys.js';
import { languageModelKeyGivenSchema } from '../src/contract/languageModelKey.js';

const fileSchema = z.strictObject({
  format: z.literal('stepadapt-key'),
  version: z.literal(1),
  /** Key and address as JSON, encrypted by the system for this user, base64. */
  encrypted: z.base64(),
});

/** One key in a file of the window's own, encrypted with what the system's keychain or keyring holds. Electron is ready. */
export function createKeyStore(path: string): KeyStore {
  const store: KeyStore = {
    async trouble() {
      // Without a keyring Electron encrypts with a password that everybody can read in its source.
      const isOpen = process.platform === 'linux' && safeStorage.getSelectedStorageBackend() === 'basic_text';
      if (!isOpen && (await safeStorage.isAsyncEncryptionAvailable())) return null;
      return 'the system offers no keychain or keyring that could keep a key';
    },
    async read() {
      const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return null;
        throw error;
      });
      if (text === null) return null;
      const { encrypted } = fileSchema.parse(JSON.parse(text));
      const { result, shouldReEncrypt } = await safeStorage.decryptStringAsync(Buffer.from(encrypted, 'base64'));
      const key = languageModelKeyGivenSchema.parse(JSON.parse(result));
      if (shouldReEncrypt) await store.write(key);
      return key;
    },
    async write(key) {
      const encrypted = (await safeStorage.encryptStringAsync(JSON.stringify(key))).toString('base64');
      const file: z.output<typeof fileSchema> = { format: 'stepadapt-key', version: 1, encrypted };
      await writeFileAtomic(path, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600 });
    },
    forget: () => rm(path, { force: true }),
  };
  return store;
}
