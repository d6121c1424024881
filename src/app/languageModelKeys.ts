import { describeError, inputError } from '../contract/errors.js';
import type { LanguageModelKey, LanguageModelKeyView } from '../contract/languageModelKey.js';
import { KEY_ADDRESS_VARIABLE, KEY_VARIABLE } from '../pipeline/languageModelService.js';
import type { Handlers } from './appServices.js';

/** A place that keeps one key encrypted by the system; the desktop has one. */
export interface KeyStore {
  /** Why nothing can be kept here now; null where it can. */
  trouble(): Promise<string | null>;
  /** Null where no key was kept. @throws where one was, and the system does not give it back */
  read(): Promise<LanguageModelKey | null>;
  write(key: LanguageModelKey): Promise<void>;
  forget(): Promise<void>;
}

const NO_STORE = `this host keeps none; set ${KEY_VARIABLE} in the environment that it is started in`;

/**
 * The key of the language-model service: of the environment, else a kept one. It goes to the processes that run jobs, in their
 * environment, and into no answer, file of a project, or log.
 */
export class LanguageModelKeys {
  private kept: LanguageModelKey | null = null;
  private lost: string | null = null;

  constructor(
    private readonly store: KeyStore | null,
    private readonly env: NodeJS.ProcessEnv = process.env,
  ) {}

  /** Takes up a kept key; one that the system does not give back is reported, and nothing else suffers. */
  async load(): Promise<void> {
    try {
      this.kept = (await this.store?.read()) ?? null;
    } catch (error) {
      this.lost = `the system did not give the kept key back (${describeError(error).message})`;
    }
  }

  /** What an engine process needs beside this one's environment. */
  environment(): NodeJS.ProcessEnv {
    if (this.kept === null || this.isInEnvironment()) return {};
    return { [KEY_VARIABLE]: this.kept.key, [KEY_ADDRESS_VARIABLE]: this.kept.address };
  }

  commands(): Pick<Handlers, 'languageModelKey.get' | 'languageModelKey.set' | 'languageModelKey.forget'> {
    return {
      'languageModelKey.get': () => this.view(),
      'languageModelKey.set': async (key) => {
        const store = await this.requireStore();
        await store.write(key);
        this.kept = key;
        this.lost = null;
        return this.view();
      },
      'languageModelKey.forget': async () => {
        await this.store?.forget();
        this.kept = null;
        this.lost = null;
        return this.view();
      },
    };
  }

  private async view(): Promise<LanguageModelKeyView> {
    const trouble = this.store === null ? NO_STORE : await this.store.trouble();
    const state = { trouble, lost: this.lost };
    if (this.isInEnvironment()) {
      return { source: 'environment', address: this.env[KEY_ADDRESS_VARIABLE] ?? null, ...state };
    }
    return { source: this.kept === null ? null : 'stored', address: this.kept?.address ?? null, ...state };
  }

  private isInEnvironment(): boolean {
    return Boolean(this.env[KEY_VARIABLE]);
  }

  private async requireStore(): Promise<KeyStore> {
    const trouble = this.store === null ? NO_STORE : await this.store.trouble();
    if (this.store !== null && trouble === null) return this.store;
    throw inputError(
      'KEY_NOT_KEPT',
      `the key was not kept: ${trouble}`,
      `set ${KEY_VARIABLE} before the start instead`,
    );
  }
}
