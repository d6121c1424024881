import { nativeBackend } from './graph/nativeBackend.js';

let loaded: ReadonlySet<string> = new Set();

/** Says which operations the loaded add-on of build/nativeEngine/kernels has; they exist on processors alone. */
export function enableOwnOperations(names: readonly string[]): void {
  loaded = new Set(names);
}

/** Whether the open engine has this operation of ours. An add-on of older sources may lack some. */
export function hasOwnOperation(name: string): boolean {
  return loaded.has(name) && nativeBackend() !== null;
}
