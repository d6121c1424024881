import type { PipelineEvent } from '../contract/events.js';
import type { StageView } from '../contract/projectViews.js';
import { logLineOf } from '../contract/logLines.js';
import type { LogLine } from '../contract/runViews.js';

/** Log lines kept for a window that opens later. */
const KEPT_LINES = 500;

type LiveStage = Pick<StageView, 'work' | 'etaSeconds'>;

/** What a run said that is not on disk: the work of the moment and the log. */
export class RunFeed {
  private readonly stages = new Map<string, LiveStage>();
  private log: LogLine[] = [];

  take(event: PipelineEvent, seq: number, at: string): void {
    const line = logLineOf(event, seq, at);
    if (line !== null) this.log = [...this.log, line].slice(-KEPT_LINES);
    switch (event.type) {
      case 'progress': {
        const { stage, done, total, unit, etaSeconds } = event;
        this.stages.set(stage, { work: { done, total, unit }, etaSeconds });
        return;
      }
      case 'state':
        // Work of an earlier attempt says nothing about a stage that begins or ends now.
        this.stages.delete(event.stage);
    }
  }

  stage(id: string): LiveStage | null {
    return this.stages.get(id) ?? null;
  }

  logAfter(seq: number): readonly LogLine[] {
    return this.log.filter((line) => line.seq > seq);
  }
}
