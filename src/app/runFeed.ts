import type { PipelineEvent } from '../contract/events.js';
import type { StageView } from '../contract/projectViews.js';
import { logLineOf } from '../contract/logLines.js';
import { RunLog } from './runLog.js';

type LiveStage = Pick<StageView, 'work' | 'etaSeconds'>;

/** An event with its number and time. */
export interface NumberedEvent {
  readonly event: PipelineEvent;
  readonly seq: number;
  readonly at: string;
}

/** What a run says: its log, and the work of the moment, which is nowhere on disk. */
export class RunFeed {
  readonly log: RunLog;
  private readonly stages = new Map<string, LiveStage>();
  /** When the attempt at a stage that is at work began, ms since 1970. */
  private readonly begun = new Map<string, number>();

  /** @param folder of the project */
  constructor(folder: string) {
    this.log = new RunLog(folder);
  }

  take(events: readonly NumberedEvent[]): void {
    this.log.add(events.flatMap(({ event, seq, at }) => logLineOf(event, seq, at) ?? []));
    for (const { event, at } of events) this.follow(event, Date.parse(at));
  }

  stage(id: string): LiveStage | null {
    return this.stages.get(id) ?? null;
  }

  /** Seconds of the attempt at a stage that is at work; 0 for any other. */
  secondsOf(id: string, now: number): number {
    const since = this.begun.get(id);
    return since === undefined ? 0 : Math.max(0, now - since) / 1000;
  }

  private follow(event: PipelineEvent, at: number): void {
    switch (event.type) {
      case 'progress': {
        const { stage, done, total, unit, etaSeconds } = event;
        this.stages.set(stage, { work: { done, total, unit }, etaSeconds });
        return;
      }
      case 'state':
        // Work of an earlier attempt says nothing about a stage that begins or ends now.
        this.stages.delete(event.stage);
        if (event.state === 'running') this.begun.set(event.stage, at);
        else this.begun.delete(event.stage);
    }
  }
}
