import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | null = null;

/**
 * Frees host arrays that nothing refers to any more. Worth its tens of milliseconds where hundreds of megabytes have just been
 * copied into the engine: the engine's memory is invisible to the JavaScript engine, which would let them lie.
 */
export function releaseHostMemory(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}
