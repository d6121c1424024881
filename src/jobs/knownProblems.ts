import type { ExperimentConfig } from '../contract/config.js';
import type { ErrorDetails } from '../contract/errors.js';

/** Lines that TensorFlow prints whenever it is loaded; they say nothing about the run. */
const NOISE = [/All log messages before absl/, /oneDNN custom operations/];

export function isNoise(line: string): boolean {
  return line.trim() === '' || NOISE.some((pattern) => pattern.test(line));
}

/** What is known of an engine process that ended without a word. */
export interface Crash {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Of its stderr, oldest first. */
  readonly lastLines: readonly string[];
  /** The stage at work, if it said so. */
  readonly stage: string | null;
  /** Memory at its last heartbeat, bytes. */
  readonly rssBytes: number | null;
  /** Whether the kernel killed a process for want of memory in the meantime; null where that is not known. */
  readonly memoryRanOut: boolean | null;
}

const OUT_OF_MEMORY =
  /OOM when allocating|RESOURCE_EXHAUSTED|bad_alloc|out of memory|Cannot allocate memory|Array buffer allocation failed|ENOMEM/i;
const GO_ON = 'start again to go on from the last checkpoint';

interface KnownProblem {
  readonly pattern: RegExp;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

const KNOWN: readonly KnownProblem[] = [
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

/** Native faults, by the signal that ends the process. */
const FAULTS: Readonly<Record<string, string>> = {
  SIGSEGV: 'it touched memory that is not its own',
  SIGBUS: 'memory that lies in a file could not be read',
  SIGABRT: 'a native library gave up',
  SIGFPE: 'a native library made an impossible calculation',
};

/** Exit codes by which shells and containers report a signal: 128 and its number. */
const SIGNALS: Readonly<Record<number, NodeJS.Signals>> = {
  132: 'SIGILL',
  134: 'SIGABRT',
  135: 'SIGBUS',
  136: 'SIGFPE',
  137: 'SIGKILL',
  139: 'SIGSEGV',
};

/** Names what ended an engine process that said nothing itself, and what to do. */
export function nameCrash(crash: Crash, config: ExperimentConfig): ErrorDetails {
  const signal = crash.signal ?? SIGNALS[crash.exitCode ?? 0] ?? null;
  const how = signal ?? `exit code ${crash.exitCode ?? 0}`;
  const text = `${crash.lastLines.join('\n')}\n${how}`;
  const wasKilled = signal === 'SIGKILL';
  if (OUT_OF_MEMORY.test(text) || (wasKilled && crash.memoryRanOut === true)) {
    return outOfMemory(config, crash.stage, crash.rssBytes);
  }
  const known = KNOWN.find(({ pattern }) => pattern.test(text));
  if (known !== undefined) return { code: known.code, message: known.message, hint: known.hint };
  const said = crash.lastLines.at(-1);
  const meaning = signal === null ? undefined : FAULTS[signal];
  const reason = wasKilled
    ? `: something outside killed it${used(crash.rssBytes)}`
    : `${meaning === undefined ? '' : ` (${meaning})`}${said === undefined ? '' : `: ${said.slice(0, 300)}`}`;
  // Where the kernel keeps count and counted nothing, memory was not the reason.
  const perhapsMemory = wasKilled && crash.memoryRanOut !== false;
  const advice = wasKilled ? lessMemory(config, crash.stage).advice : 'if it happens again, try engine "wasm"';
  return {
    code: 'ENGINE_CRASHED',
    message: `the engine process ended with ${how}${reason}`,
    hint: perhapsMemory ? `it may have run out of memory; ${GO_ON}, or ${advice} first` : `${GO_ON}; ${advice}`,
  };
}

/** Whether an error that an engine reported itself means that memory ran out. */
export function meansOutOfMemory({ code, message }: ErrorDetails): boolean {
  return code === 'OUT_OF_MEMORY' || (code === 'UNEXPECTED' && OUT_OF_MEMORY.test(message));
}

/** The error `OUT_OF_MEMORY`, with the setting to lower and the value to try. */
export function outOfMemory(config: ExperimentConfig, stage: string | null, rssBytes: number | null): ErrorDetails {
  const { advice, remedy } = lessMemory(config, stage);
  return {
    code: 'OUT_OF_MEMORY',
    message: `the engine ran out of memory${stage === null ? '' : ` in ${stage}`}${used(rssBytes)}`,
    hint: `${advice}, then start again: it goes on from the last checkpoint`,
    ...(remedy === null ? {} : { remedy }),
  };
}

function used(rssBytes: number | null): string {
  return rssBytes === null ? '' : `; it last used ${(rssBytes / 2 ** 30).toFixed(1)} GiB`;
}

/**
 * Half of what decides the memory of the stage at work. The micro-batch leaves the result of an update as it is (gradients are
 * accumulated up to the batch), so a run goes on with another one.
 */
function lessMemory(
  config: ExperimentConfig,
  stage: string | null,
): { readonly advice: string; readonly remedy: NonNullable<ErrorDetails['remedy']> | null } {
  const draws = stage === 'evaluation' || stage === 'features';
  const field = draws ? 'sampling.batch' : 'base.microBatch';
  const now = draws ? config.sampling.batch : Math.min(config.base.microBatch, config.base.batch);
  if (now <= 1)
    return { advice: 'use a smaller model or smaller images: batches are as small as can be', remedy: null };
  const value = Math.floor(now / 2);
  return { advice: `lower ${field} from ${now} to ${value}`, remedy: { field, value } };
}
