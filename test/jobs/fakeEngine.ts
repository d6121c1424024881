import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { toEngineSchema, type FromEngine, type ToEngine } from '../../src/jobs/messages.js';
import type { EngineChild } from '../../src/jobs/spawnEngine.js';

let nextPid = 4_000_000;

/** A child process that does what the test says. */
export class FakeChild extends EventEmitter {
  /** Beyond any real process, so that looking for it finds nothing. */
  readonly pid = nextPid++;
  readonly stderr = new PassThrough();
  readonly received: ToEngine[] = [];
  readonly signals: NodeJS.Signals[] = [];
  connected = true;
  /** What it does when a signal arrives; nothing by default, as a process that hangs. */
  onSignal: (signal: NodeJS.Signals) => void = () => undefined;

  send(message: unknown): boolean {
    this.received.push(toEngineSchema.parse(message));
    this.emit('received');
    return true;
  }

  kill(signal?: NodeJS.Signals | number): boolean {
    this.signals.push(signal as NodeJS.Signals);
    this.onSignal(signal as NodeJS.Signals);
    return true;
  }

  say(message: FromEngine | Record<string, unknown>): void {
    this.emit('message', message);
  }

  exit(code: number | null, signal: NodeJS.Signals | null = null): void {
    this.connected = false;
    this.stderr.end();
    // The reader of stderr needs its turn, as with a real process whose `close` comes last.
    setImmediate(() => setImmediate(() => this.emit('close', code, signal)));
  }

  /** Says its last word and ends. */
  end(message: FromEngine): void {
    this.say(message);
    this.exit(0);
  }
}

/** Starts fake children and hands them to the test, in order. */
export class FakeEngines {
  readonly children: FakeChild[] = [];
  private readonly arrivals = new EventEmitter();
  private areEnding = false;

  readonly spawn = (): EngineChild => {
    const child = new FakeChild();
    this.children.push(child);
    if (this.areEnding) setImmediate(() => child.exit(null, 'SIGTERM'));
    this.arrivals.emit('child');
    return child as unknown as EngineChild;
  };

  /** Ends every child, also those that are still being started, so that what looks after them can come to an end. */
  end(): void {
    this.areEnding = true;
    for (const child of this.children) if (child.connected) child.exit(null, 'SIGTERM');
  }

  /** The child of this number, as soon as it was started; 0 = the first. */
  async child(index: number): Promise<FakeChild> {
    while (this.children.length <= index) await new Promise((done) => this.arrivals.once('child', done));
    return this.children[index];
  }

  /** The same, after it said that it is ready and got its task. */
  async atWork(index: number): Promise<FakeChild> {
    const child = await this.child(index);
    if (child.received.length === 0) {
      const got = new Promise((done) => child.once('received', done));
      // The supervisor listens from the moment it has the child, which is after `spawn` returned.
      setImmediate(() => child.say({ type: 'ready' }));
      await got;
    }
    return child;
  }
}
