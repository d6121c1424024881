import { randomBytes } from 'node:crypto';
import type { AppEvent, StreamMessage, StreamPosition } from '../contract/api.js';

/** Events kept for readers that come back: some minutes of a busy run. */
const KEPT = 5000;
/** At most ten messages a second go to each reader. */
const BATCH_MS = 100;

type WithoutSeq<T> = T extends unknown ? Omit<T, 'seq'> : never;

/**
 * Numbers events, keeps the newest, and hands them to readers in batches. A reader that names the last number it saw gets
 * what it missed, or `reset` where that is no longer kept.
 */
export class EventHub {
  readonly epoch = randomBytes(8).toString('hex');
  private readonly events: AppEvent[] = [];
  private readonly readers = new Set<{ listener: (message: StreamMessage) => void; seen: number }>();
  private last = 0;
  private timer: NodeJS.Timeout | null = null;

  /** Number of the newest event. */
  get seq(): number {
    return this.last;
  }

  publish(event: WithoutSeq<AppEvent>): number {
    this.last += 1;
    this.events.push({ ...event, seq: this.last });
    // Cut seldom, so that each event does not move the whole list.
    if (this.events.length > 2 * KEPT) this.events.splice(0, this.events.length - KEPT);
    if (this.readers.size > 0) this.timer ??= setTimeout(() => this.deliver(), BATCH_MS);
    return this.last;
  }

  subscribe(listener: (message: StreamMessage) => void, from?: StreamPosition): () => void {
    const oldest = this.events[0]?.seq ?? this.last + 1;
    const known = from !== undefined && from.epoch === this.epoch && from.seq <= this.last && from.seq >= oldest - 1;
    const seen = known ? from.seq : this.last;
    const reader = { listener, seen };
    listener({ type: from === undefined || known ? 'hello' : 'reset', epoch: this.epoch, seq: seen });
    this.readers.add(reader);
    if (seen < this.last) this.timer ??= setTimeout(() => this.deliver(), BATCH_MS);
    return () => void this.readers.delete(reader);
  }

  close(): void {
    this.deliver();
    this.readers.clear();
  }

  private deliver(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    for (const reader of this.readers) {
      const missed = this.events.filter(({ seq }) => seq > reader.seen);
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
