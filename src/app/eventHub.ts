import { randomBytes } from 'node:crypto';
import type { AppEvent, StreamMessage, StreamPosition } from '../contract/api.js';

/** Events kept for readers that come back: some minutes of a busy run. */
const KEPT = 5000;
/** What somebody waits for, such as a changed state, reaches readers within this time. */
const PROMPT_MS = 100;
/** Numbers that only grow are read once a second: each message costs a window a drawing, on the cores that train. */
const CALM_MS = 1000;

type WithoutSeq<T> = T extends unknown ? Omit<T, 'seq'> : never;

/**
 * Numbers events, keeps the newest, and hands them to readers in batches, without progress that newer progress of the same
 * stage makes void. A reader that names the last number it saw gets what it missed, or `reset` where that is no longer kept.
 */
export class EventHub {
  readonly epoch = randomBytes(8).toString('hex');
  private readonly events: AppEvent[] = [];
  private readonly readers = new Set<{ listener: (message: StreamMessage) => void; seen: number }>();
  private last = 0;
  private delivery: { readonly timer: NodeJS.Timeout; readonly due: number } | null = null;

  /** Number of the newest event. */
  get seq(): number {
    return this.last;
  }

  /** @param isCalm whether readers may hear of it a second later; progress and metrics always may */
  publish(event: WithoutSeq<AppEvent>, isCalm = onlyCounts(event)): number {
    this.last += 1;
    this.events.push({ ...event, seq: this.last });
    // Cut seldom, so that each event does not move the whole list.
    if (this.events.length > 2 * KEPT) this.events.splice(0, this.events.length - KEPT);
    if (this.readers.size > 0) this.deliverWithin(isCalm ? CALM_MS : PROMPT_MS);
    return this.last;
  }

  subscribe(listener: (message: StreamMessage) => void, from?: StreamPosition): () => void {
    const oldest = this.events[0]?.seq ?? this.last + 1;
    const known = from !== undefined && from.epoch === this.epoch && from.seq <= this.last && from.seq >= oldest - 1;
    const seen = known ? from.seq : this.last;
    const reader = { listener, seen };
    listener({ type: from === undefined || known ? 'hello' : 'reset', epoch: this.epoch, seq: seen });
    this.readers.add(reader);
    if (seen < this.last) this.deliverWithin(PROMPT_MS);
    return () => void this.readers.delete(reader);
  }

  close(): void {
    this.deliver();
    this.readers.clear();
  }

  private deliverWithin(ms: number): void {
    const due = performance.now() + ms;
    if (this.delivery !== null && this.delivery.due <= due) return;
    if (this.delivery !== null) clearTimeout(this.delivery.timer);
    this.delivery = { timer: setTimeout(() => this.deliver(), ms), due };
  }

  private deliver(): void {
    if (this.delivery !== null) clearTimeout(this.delivery.timer);
    this.delivery = null;
    for (const reader of this.readers) {
      const missed = withoutVoid(this.events.filter(({ seq }) => seq > reader.seen));
      if (missed.length === 0) continue;
      reader.seen = this.last;
      try {
        reader.listener({ type: 'events', events: missed });
      } catch {
        // One that cannot be told any more must not keep the others from hearing, nor end the host.
        this.readers.delete(reader);
      }
    }
  }
}

function onlyCounts(event: WithoutSeq<AppEvent>): boolean {
  return event.type === 'pipeline' && (event.event.type === 'progress' || event.event.type === 'metric');
}

/** The events without progress of a stage that is followed by more progress of it; order stays. */
function withoutVoid(events: readonly AppEvent[]): AppEvent[] {
  const told = new Set<string>();
  const kept = events.toReversed().filter((event) => {
    if (event.type !== 'pipeline') return true;
    const { event: happened, projectId } = event;
    if (happened.type !== 'progress' && happened.type !== 'state') return true;
    const key = `${projectId} ${happened.stage}`;
    if (happened.type === 'state') {
      // A stage that ended or began anew in between: what it had reached before belongs to the story.
      told.delete(key);
      return true;
    }
    if (told.has(key)) return false;
    told.add(key);
    return true;
  });
  return kept.reverse();
}
