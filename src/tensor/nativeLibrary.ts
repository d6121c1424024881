import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { failure } from '../contract/errors.js';
import { userCacheFolder } from '../project/userCache.js';

/** `manifest.json` of one installed variant of the native library. */
export interface NativeLibrary {
  /** For example `tensorflow-2.21.0-cpu-linux-x64`. */
  readonly variant: string;
  /** Version of TensorFlow. */
  readonly tensorflow: string;
  /** Absolute path of the N-API binding. */
  readonly binding: string;
  /** Absolute path of the add-on with our own operations; absent where it could not be compiled. */
  readonly kernels?: string;
  readonly device: 'cpu' | 'cuda';
}

/** Folder that holds the installed variants: `STEPADAPT_ENGINE_HOME`, else the user's cache folder. */
export function engineHome(): string {
  return process.env['STEPADAPT_ENGINE_HOME'] || join(userCacheFolder(), 'engines');
}

/**
 * The active variant, as the set-up script recorded it.
 *
 * @throws failure `ENGINE_UNAVAILABLE` when none is installed or its record cannot be read
 */
export function activeNativeLibrary(): NativeLibrary {
  const home = engineHome();
  try {
    const { folder } = JSON.parse(readFileSync(join(home, 'active.json'), 'utf8')) as { folder: string };
    const library = JSON.parse(readFileSync(join(home, folder, 'manifest.json'), 'utf8')) as NativeLibrary;
    // An engine that travels in a package names its files relative to itself.
    const { binding, kernels } = library;
    return {
      ...library,
      binding: resolve(home, folder, binding),
      ...(kernels !== undefined && { kernels: resolve(home, folder, kernels) }),
    };
  } catch (cause) {
    throw failure(
      'ENGINE_UNAVAILABLE',
      `no native tensor library is installed under ${home}`,
      'run `npm run setup`, or choose the portable engine with `--engine wasm`',
      { cause },
    );
  }
}
