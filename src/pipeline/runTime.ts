import type { StageState } from '../contract/events.js';

/** A stage as its record and its run tell of it. */
export interface StageTime {
  readonly id: string;
  readonly state: StageState;
  /** Fraction done, 0..1. */
  readonly progress: number;
  /** Seconds of work so far, pauses left out. */
  readonly seconds: number;
  /** Seconds to go as the stage itself measured them; null where it has not, or where they are of a part of it. */
  readonly etaSeconds: number | null;
}

export interface RunTime {
  /** Seconds of work on what counts for this experiment, over all interruptions. */
  readonly workedSeconds: number;
  /** Seconds of work to go; null until a training has shown how fast this machine is. */
  readonly remainingSeconds: number | null;
  /** The same where stages unlike those so far are as slow as on small networks; equal once each kind was at work. */
  readonly remainingAtMostSeconds: number | null;
}

/**
 * Multiply-accumulates a second of an expert with its search and start, as a share of its base's, on the demo's network: 0.38 to
 * 0.58; the evaluation did 0.66. Starts and narrow layers cost time that is no compute; on larger networks they weigh less.
 */
const SLOWEST_SHARE = 0.4;

/**
 * What a run took and will take. A stage that has not begun takes its multiply-accumulates at the rate of the finished part of
 * the stages most like it: experts like experts, the evaluation like itself. Where there is none, the rate of any other is the
 * best that can be hoped for, and a share of it the worst.
 *
 * @param planned multiply-accumulates by stage; stages that are not in it take no time to speak of
 */
export function runTime(stages: readonly StageTime[], planned: ReadonlyMap<string, number>): RunTime {
  const current = stages.filter(({ state }) => state !== 'stale');
  const workedSeconds = current.reduce((sum, { seconds }) => sum + seconds, 0);
  let remaining = 0;
  let atMost = 0;
  for (const stage of stages) {
    if (stage.state === 'done') continue;
    if (stage.state === 'running' && stage.etaSeconds !== null) {
      remaining += stage.etaSeconds;
      atMost += stage.etaSeconds;
      continue;
    }
    const macs = planned.get(stage.id) ?? 0;
    if (macs === 0) continue;
    const own = rateOf(
      current.filter(({ id }) => isLike(id, stage.id)),
      planned,
    );
    const rate =
      own ??
      rateOf(
        current.filter(({ id }) => id !== 'evaluation'),
        planned,
      );
    if (rate === null) return { workedSeconds, remainingSeconds: null, remainingAtMostSeconds: null };
    const seconds = (macs * (1 - (stage.state === 'stale' ? 0 : stage.progress))) / rate;
    remaining += seconds;
    atMost += own === null ? seconds / SLOWEST_SHARE : seconds;
  }
  return { workedSeconds, remainingSeconds: remaining, remainingAtMostSeconds: atMost };
}

/** Multiply-accumulates a second of what is done of these stages; null before any was at work. */
function rateOf(stages: readonly StageTime[], planned: ReadonlyMap<string, number>): number | null {
  let macs = 0;
  let seconds = 0;
  for (const stage of stages) {
    macs += (planned.get(stage.id) ?? 0) * stage.progress;
    seconds += stage.seconds;
  }
  return macs > 0 && seconds > 0 ? macs / seconds : null;
}

/** Whether two stages do the same kind of work. */
function isLike(a: string, b: string): boolean {
  const isExpert = (id: string) => id.startsWith('experts/') || id === 'uniform';
  return a === b || (isExpert(a) && isExpert(b));
}
