import type { ErrorDetails } from '../contract/errors.js';

/** Lines that TensorFlow prints whenever it is loaded; they say nothing about the run. */
const NOISE = [/All log messages before absl/, /oneDNN custom operations/];

export function isNoise(line: string): boolean {
  return line.trim() === '' || NOISE.some((pattern) => pattern.test(line));
}

interface KnownProblem {
  readonly pattern: RegExp;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const KNOWN: readonly KnownProblem[] = [
  {
    pattern: /OOM when allocating|RESOURCE_EXHAUSTED|std::bad_alloc|heap out of memory|Cannot allocate memory/i,
    code: 'OUT_OF_MEMORY',
    message: 'the engine ran out of memory',
    hint: 'lower base.microBatch or sampling.batch, then start again: it goes on from the last checkpoint',
  },
  {
    pattern: /No space left on device|ENOSPC/,
    code: 'DISK_FULL',
    message: 'the disk is full',
    hint: 'free some space, then start again: it goes on from the last checkpoint',
  },
  {
    pattern: /lib(cudart|cudnn|cublas|cufft|nvrtc)[^:]*: cannot open shared object|Could not load dynamic library/i,
    code: 'CUDA_LIBRARY_MISSING',
    message: 'a CUDA library that the engine needs cannot be loaded',
    hint: 'install it or set its folder in LD_LIBRARY_PATH, or run with engine "wasm"',
  },
  {
    pattern: /Illegal instruction|SIGILL/,
    code: 'ENGINE_UNSUITED',
    message: 'the engine uses instructions that this processor lacks',
    hint: 'run with engine "wasm"',
  },
];

/**
 * Names what ended an engine process that said nothing itself.
 * @param how `exit code 3` or `SIGKILL`
 * @param lastLines of its stderr, oldest first
 */
export function nameCrash(how: string, lastLines: readonly string[]): ErrorDetails {
  const text = lastLines.join('\n');
  const known = KNOWN.find(({ pattern }) => pattern.test(`${text}\n${how}`));
  if (known !== undefined) return { code: known.code, message: known.message, hint: known.hint };
  const said = lastLines.at(-1);
  return {
    code: 'ENGINE_CRASHED',
    message: `the engine process ended with ${how}${said === undefined ? '' : `: ${said.slice(0, 300)}`}`,
    hint:
      how === 'SIGKILL'
        ? 'it may have run out of memory; start again to go on from the last checkpoint'
        : 'start again to go on from the last checkpoint',
  };
}
