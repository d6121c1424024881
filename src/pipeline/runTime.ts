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
}

/**
 * What a run took and will take. A stage that has not begun takes its multiply-accumulates at the rate of the finished part of
 * the stages most like it: experts like experts, else like the base; the evaluation like itself, else like any.
 *
 * @param planned multiply-accumulates by stage; stages that are not in it take no time to speak of
 */
export function runTime(stages: readonly StageTime[], planned: ReadonlyMap<string, number>): RunTime {
  const current = stages.filter(({ state }) => state !== 'stale');
  const workedSeconds = current.reduce((sum, { seconds }) => sum + seconds, 0);
  let remaining = 0;
  for (const stage of stages) {
    if (stage.state === 'done') continue;
    if (stage.state === 'running' && stage.etaSeconds !== null) {
      remaining += stage.etaSeconds;
      continue;
    }
    const macs = planned.get(stage.id) ?? 0;
    if (macs === 0) continue;
    const rate = rateFor(stage.id, current, planned);
    if (rate === null) return { workedSeconds, remainingSeconds: null };
    remaining += (macs * (1 - (stage.state === 'stale' ? 0 : stage.progress))) / rate;
  }
  return { workedSeconds, remainingSeconds: remaining };
}

/** Multiply-accumulates a second, from the stages that are most like this one. */
function rateFor(id: string, stages: readonly StageTime[], planned: ReadonlyMap<string, number>): number | null {
  for (const isLike of likeness(id)) {
    let macs = 0;
    let seconds = 0;
    for (const stage of stages) {
      if (!isLike(stage.id)) continue;
      macs += (planned.get(stage.id) ?? 0) * stage.progress;
      seconds += stage.seconds;
    }
    if (macs > 0 && seconds > 0) return macs / seconds;
  }
  return null;
}

function likeness(id: string): readonly ((other: string) => boolean)[] {
  const isExpert = (other: string) => other.startsWith('experts/') || other === 'uniform';
  const own = id === 'evaluation' ? (other: string) => other === id : isExpert(id) ? isExpert : () => false;
  return [own, (other) => other !== 'evaluation'];
}
