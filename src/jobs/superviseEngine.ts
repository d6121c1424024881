import { createInterface } from 'node:readline';
import type { ErrorDetails } from '../contract/errors.js';
import type { PipelineEvent } from '../contract/events.js';
import { isNoise, nameCrash } from './knownProblems.js';
import { fromEngineSchema, type FromEngine, type MeasuredForecast, type ToEngine } from './messages.js';
import type { EngineChild, SpawnEngine } from './spawnEngine.js';

/** What came of an engine process. `lost` = it ended without saying anything. */
export type EngineOutcome =
  | { readonly kind: 'finished'; readonly forecast: MeasuredForecast | null }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly error: ErrorDetails }
  | { readonly kind: 'lost'; readonly error: ErrorDetails };

export interface EngineListener {
  onReady?(): void;
  onEvents?(events: readonly PipelineEvent[]): void;
  onHeartbeat?(rssBytes: number): void;
}

/** Milliseconds. */
export interface EnginePatience {
  /** From the start to the first word. */
  readonly ready: number;
  /** From the request to stop to SIGTERM: one update and its checkpoint. */
  readonly stop: number;
  /** From SIGTERM to SIGKILL. */
  readonly terminate: number;
}

const PATIENCE: EnginePatience = { ready: 60_000, stop: 60_000, terminate: 10_000 };

export interface RunningEngine {
  readonly pid: number | null;
  /** Asks for a clean stop, then terminates, then kills. May be called again; only the first call counts. */
  stop(): void;
  readonly outcome: Promise<EngineOutcome>;
}

/** Lines of stderr kept to name a crash. */
const KEPT_LINES = 40;

/** Starts an engine process with one task and looks after it to its end. Never rejects. */
export function superviseEngine(options: {
  readonly spawn: SpawnEngine;
  readonly task: Exclude<ToEngine, { type: 'stop' }>;
  readonly listener?: EngineListener;
  readonly patience?: Partial<EnginePatience>;
}): RunningEngine {
  const { spawn, task, listener = {} } = options;
  const patience = { ...PATIENCE, ...options.patience };
  const lastLines: string[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const after = (ms: number, act: () => void) => {
    const timer = setTimeout(act, ms);
    timers.add(timer);
    return timer;
  };
  let said: Extract<FromEngine, { type: 'finished' | 'stopped' | 'failed' }> | null = null;
  let complaint: ErrorDetails | null = null;
  let stopAsked = false;
  let isReady = false;

  let child: EngineChild;
  try {
    child = spawn();
  } catch (error) {
    return { pid: null, stop: () => undefined, outcome: Promise.resolve({ kind: 'failed', error: notStarted(error) }) };
  }

  const kill = (signal: NodeJS.Signals) => void child.kill(signal);
  const terminate = () => {
    kill('SIGTERM');
    after(patience.terminate, () => kill('SIGKILL'));
  };
  const tell = (message: ToEngine) => {
    // A process that is going away cannot be told anything; its exit says the rest.
    if (child.connected) child.send(message, () => undefined);
  };
  const readyTimer = after(patience.ready, () => {
    complaint = {
      code: 'ENGINE_SILENT',
      message: `the engine process did not answer within ${patience.ready / 1000} s`,
      hint: 'see `stepadapt engines` for engines that work here',
    };
    terminate();
  });

  child.on('message', (raw: unknown) => {
    const parsed = fromEngineSchema.safeParse(raw);
    if (!parsed.success) {
      complaint ??= {
        code: 'ENGINE_GARBLED',
        message: 'the engine process sent a message that is not understood',
        hint: 'this is a defect: please report it with the log',
      };
      return terminate();
    }
    const message = parsed.data;
    switch (message.type) {
      case 'ready':
        if (isReady) return;
        isReady = true;
        clearTimeout(readyTimer);
        listener.onReady?.();
        return tell(task);
      case 'heartbeat':
        return listener.onHeartbeat?.(message.rssBytes);
      case 'events':
        return listener.onEvents?.(message.events);
      default:
        said = message;
    }
  });
  if (child.stderr !== null) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (isNoise(line)) return;
      lastLines.push(line);
      if (lastLines.length > KEPT_LINES) lastLines.shift();
      listener.onEvents?.([{ type: 'log', level: 'warn', message: line.slice(0, 2000) }]);
    });
  }

  const outcome = new Promise<EngineOutcome>((resolve) => {
    const settle = (result: EngineOutcome) => {
      for (const timer of timers) clearTimeout(timer);
      resolve(result);
    };
    child.once('error', (error: Error) => settle({ kind: 'failed', error: notStarted(error) }));
    // `close` comes after the last line of stderr and the last message, `exit` may not.
    child.once('close', (code: number | null, signal: NodeJS.Signals | null) => {
      if (said?.type === 'finished') settle({ kind: 'finished', forecast: said.forecast });
      else if (said?.type === 'failed') settle({ kind: 'failed', error: said.error });
      else if (said?.type === 'stopped' || stopAsked) settle({ kind: 'stopped' });
      else if (complaint !== null) settle({ kind: 'failed', error: complaint });
      else settle({ kind: 'lost', error: nameCrash(signal ?? `exit code ${code ?? 0}`, lastLines) });
    });
  });

  return {
    pid: child.pid ?? null,
    outcome,
    stop() {
      if (stopAsked) return;
      stopAsked = true;
      // Before it is ready it has nothing to save.
      if (!isReady) return terminate();
      tell({ type: 'stop' });
      after(patience.stop, terminate);
    },
  };
}

function notStarted(error: unknown): ErrorDetails {
  return {
    code: 'ENGINE_NOT_STARTED',
    message: `the engine process could not be started: ${error instanceof Error ? error.message : String(error)}`,
    hint: 'run `npm run setup`, then try again',
  };
}
