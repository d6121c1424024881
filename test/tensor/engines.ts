import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { EngineId } from '../../src/tensor/engine.js';
import { activeNativeLibrary } from '../../src/tensor/nativeLibrary.js';
import { openEngine } from '../../src/tensor/openEngine.js';

/** Why the native engine's tests cannot run here, or null when they can. */
export const nativeMissing = whyNativeIsMissing();

function whyNativeIsMissing(): string | null {
  try {
    activeNativeLibrary();
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Runs a suite on every engine, and checks that the suite leaves no tensor behind. */
export function describeOnEveryEngine(name: string, suite: () => void): void {
  const engines: EngineId[] = ['wasm', 'native'];
  for (const id of engines) {
    const missing = id === 'native' ? nativeMissing : null;
    const title = missing === null ? `${name} (${id})` : `${name} (${id}: skipped, ${missing})`;
    describe.skipIf(missing !== null)(title, () => {
      let before = 0;
      beforeAll(async () => {
        await openEngine(id);
        before = tf.memory().numTensors;
      });
      suite();
      afterAll(() => {
        expect(tf.memory().numTensors).toBe(before);
      });
    });
  }
}
