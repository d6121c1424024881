import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | null = null;
let freeUnused: () => void = () => {};

/** Says how memory that the engine has freed is given back to the system. */
export function setFreeUnused(free: () => void): void {
  freeUnused = free;
}

/**
 * Frees host arrays that nothing refers to any more, and gives what is free back to the system. Worth its tens of milliseconds where
 * hundreds of megabytes have just been copied into the engine: the engine's memory is invisible to the JavaScript engine, which
 * would let them lie, and the holes that they leave are too scattered for what comes after them.
 */
export function releaseHostMemory(): void {
  if (collect === null) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
  freeUnused();
}
