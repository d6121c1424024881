import { createInterface } from 'node:readline';
import type { ErrorDetails } from '../contract/errors.js';
import type { PipelineEvent } from '../contract/events.js';
import { AwakeTimer } from './awakeTimer.js';
import { isNoise, meansOutOfMemory, nameCrash, outOfMemory } from './knownProblems.js';
import { memoryKills } from './memoryKills.js';
import {
  fromEngineSchema,
  type EngineTask,
  type FromEngine,
  type MeasuredForecast,
  type ToEngine,
} from './messages.js';
import type { EngineChild, SpawnEngine } from './spawnEngine.js';
import { engineEnded, nothingInTraining, Wishes } from './wishes.js';
import { safeParse } from '../contract/safeParse.js';

/** What came of an engine process. `lost` = it ended, or was ended because it hung, without saying anything. */
export type EngineOutcome =
  | { readonly kind: 'finished'; readonly forecast: MeasuredForecast | null }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'failed'; readonly error: ErrorDetails }
  | { readonly kind: 'lost'; readonly error: ErrorDetails };

export interface EngineListener {
  onReady?(): void;
  onEvents?(events: readonly PipelineEvent[]): void;
  onHeartbeat?(rssBytes: number): void;
  /** The picture that was the whole task. */
  onDrawn?(name: string): void;
}

/** Milliseconds in which this machine was awake. */
export interface EnginePatience {
  /** From the start to the first word. */
  readonly ready: number;
  /** From the last word to the verdict that it hangs. One call of a native engine may hold it for minutes. */
  readonly silence: number;
  /** From the request to stop to SIGTERM: one update and its checkpoint. */
  readonly stop: number;
  /** From SIGTERM to SIGKILL. */
  readonly terminate: number;
}

const PATIENCE: EnginePatience = { ready: 60_000, silence: 15 * 60_000, stop: 60_000, terminate: 10_000 };

export interface RunningEngine {
  readonly pid: number | null;
  /** Asks for a clean stop, then terminates, then kills. May be called again; only the first call counts. */
  stop(): void;
  readonly outcome: Promise<EngineOutcome>;
  /**
   * Asks a run for samples of the network in training, before its next update.
   * @returns the picture's name
   * @throws failure `NOTHING_IN_TRAINING` in a stage that trains no network; `ENGINE_ENDED` where the process ends first
   */
  draw(wish: { readonly seed: number; readonly count: number }): Promise<string>;
}

/** Stages that train a network which samples can be drawn with. */
const TRAINING = /^(base|uniform|experts\/\d+)$/;

/** Lines of stderr kept to name a crash. */
const KEPT_LINES = 40;

/** Starts an engine process with one task and looks after it to its end. Never rejects. */
export function superviseEngine(options: {
  readonly spawn: SpawnEngine;
  readonly task: EngineTask;
  readonly listener?: EngineListener;
  readonly patience?: Partial<EnginePatience>;
  /** How many processes the kernel killed for want of memory so far. */
  readonly countMemoryKills?: () => number | null;
}): RunningEngine {
  const { spawn, task, listener = {}, countMemoryKills = memoryKills } = options;
  const patience = { ...PATIENCE, ...options.patience };
  const lastLines: string[] = [];
  const timers = new Set<AwakeTimer>();
  const after = (ms: number, act: () => void) => {
    const timer = new AwakeTimer(ms, act);
    timers.add(timer);
    return timer;
  };
  let said: Extract<FromEngine, { type: 'finished' | 'stopped' | 'failed' }> | null = null;
  let complaint: ErrorDetails | null = null;
  let hangs: ErrorDetails | null = null;
  let silence: AwakeTimer | null = null;
  let stopAsked = false;
  let stage: string | null = null;
  let rssBytes: number | null = null;
  const killsBefore = countMemoryKills();

  let child: EngineChild;
  try {
    child = spawn();
  } catch (error) {
    const outcome = Promise.resolve({ kind: 'failed', error: notStarted(error) } as const);
    return { pid: null, stop: () => undefined, outcome, draw: () => Promise.reject(engineEnded()) };
  }

  const wishes = new Wishes();

  const kill = (signal: NodeJS.Signals) => void child.kill(signal);
  const terminate = () => {
    kill('SIGTERM');
    after(patience.terminate, () => kill('SIGKILL'));
  };
  const tell = (message: ToEngine) => {
    // A process that is going away cannot be told anything; its exit says the rest.
    if (child.connected) child.send(message, () => undefined);
  };
  const askToStop = () => {
    silence?.cancel();
    tell({ type: 'stop' });
    after(patience.stop, terminate);
  };
  const readyTimer = after(patience.ready, () => {
    complaint = {
      code: 'ENGINE_SILENT',
      message: `the engine process did not answer within ${patience.ready / 1000} s`,
      hint: 'see `stepadapt engines` for engines that work here',
    };
    terminate();
  });
  const watchSilence = () =>
    after(patience.silence, () => {
      hangs = {
        code: 'ENGINE_HUNG',
        message: `the engine process said nothing for ${Math.round(patience.silence / 1000)} s${stage === null ? '' : ` in ${stage}`}`,
        hint: 'start again to go on from the last checkpoint; if it happens again, try engine "wasm"',
      };
      const message = `${hangs.message}; it is asked to stop, then ended`;
      listener.onEvents?.([{ type: 'log', level: 'warn', message }]);
      askToStop();
    });

  child.on('message', (raw: unknown) => {
    const parsed = safeParse(fromEngineSchema, raw);
    if (!parsed.success) {
      complaint ??= {
        code: 'ENGINE_GARBLED',
        message: 'the engine process sent a message that is not understood',
        hint: 'this is a defect: please report it with the log',
      };
      return terminate();
    }
    const message = parsed.data;
    if (hangs === null && !stopAsked) silence?.restart();
    switch (message.type) {
      case 'ready':
        if (silence !== null) return;
        readyTimer.cancel();
        silence = watchSilence();
        listener.onReady?.();
        return tell(task);
      case 'heartbeat':
        rssBytes = message.rssBytes;
        return listener.onHeartbeat?.(rssBytes);
      case 'drawn':
        if (message.request === null) return listener.onDrawn?.(message.name);
        return wishes.fulfil(message.request, message.name);
      case 'notDrawn':
        return wishes.refuse(message.request, message.error);
      case 'events':
        for (const event of message.events)
          if (event.type === 'state' && event.state === 'running') stage = event.stage;
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

  const nameLoss = (exitCode: number | null, signal: NodeJS.Signals | null): ErrorDetails => {
    const kills = countMemoryKills();
    const memoryRanOut = kills === null || killsBefore === null ? null : kills > killsBefore;
    return nameCrash({ exitCode, signal, lastLines, stage, rssBytes, memoryRanOut }, task.config);
  };
  const outcome = new Promise<EngineOutcome>((resolve) => {
    const settle = (result: EngineOutcome) => {
      for (const timer of timers) timer.cancel();
      wishes.refuseAll(engineEnded());
      resolve(result);
    };
    // `on`: an error that nobody listens to would end this program.
    child.on('error', (error: Error) => settle({ kind: 'failed', error: notStarted(error) }));
    // `close` comes after the last line of stderr and the last message, `exit` may not.
    child.once('close', (code: number | null, signal: NodeJS.Signals | null) => {
      if (said?.type === 'finished') settle({ kind: 'finished', forecast: said.forecast });
      else if (said?.type === 'failed') {
        const { error } = said;
        settle({ kind: 'failed', error: meansOutOfMemory(error) ? outOfMemory(task.config, stage, rssBytes) : error });
      } else if (stopAsked) settle({ kind: 'stopped' });
      else if (hangs !== null) settle({ kind: 'lost', error: hangs });
      else if (said?.type === 'stopped') settle({ kind: 'stopped' });
      else if (complaint !== null) settle({ kind: 'failed', error: complaint });
      else settle({ kind: 'lost', error: nameLoss(code, signal) });
    });
  });

  return {
    pid: child.pid ?? null,
    outcome,
    draw({ seed, count }) {
      if (stage === null || !TRAINING.test(stage)) return Promise.reject(nothingInTraining(stage));
      const { request, answer } = wishes.open();
      tell({ type: 'drawNow', request, seed, count });
      return answer;
    },
    stop() {
      if (stopAsked) return;
      stopAsked = true;
      // Before it is ready it has nothing to save; one that hangs is being ended already.
      if (silence === null) terminate();
      else if (hangs === null) askToStop();
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
