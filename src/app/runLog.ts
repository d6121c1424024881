import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PipelineEvent } from '../contract/events.js';
import { logLineOf } from '../contract/logLines.js';
import { logLineSchema, type LogLine } from '../contract/runViews.js';
import { appendLines, cutTornLine, readLines } from '../project/lineFile.js';

/** Lines kept in memory, and shown. */
const KEPT_LINES = 500;
/** A file that has grown so far steps aside, and the one before it goes: two of them hold weeks of runs. */
const FILE_BYTES = 1 << 20;

/**
 * What the runs of one project said: `jobs/log.jsonl`, so that a window, or a host, that comes later reads it too, and one that
 * is open reads what a run on the command line says. Lines that other programs wrote have negative numbers: they are no events
 * of this life.
 */
export class RunLog {
  private readonly path: string;
  private readonly olderPath: string;
  /** Lines of this life. */
  private lines: LogLine[] = [];
  /** Lines that other programs, or earlier lives of this one, wrote. */
  private others: readonly LogLine[] = [];
  /** Size of the file when `others` were read, and after each write of this life: another one tells of other writers. */
  private knownSize: number | null = null;
  /** Files change, and are read, one after another. */
  private turn: Promise<unknown> = Promise.resolve();
  private isWhole = false;

  constructor(folder: string) {
    this.path = join(folder, 'jobs', 'log.jsonl');
    this.olderPath = join(folder, 'jobs', 'log.older.jsonl');
    this.turn = this.readOthers();
  }

  /** Keeps lines, and writes them down. A disk that is full or gone costs the file its lines, never the run its progress. */
  add(lines: readonly LogLine[]): void {
    if (lines.length === 0) return;
    this.lines = [...this.lines, ...lines].slice(-KEPT_LINES);
    this.turn = this.turn.then(() => this.write(lines)).catch(() => undefined);
  }

  /** Keeps the line that an event of a run leaves, if it leaves one; for programs that number no events. */
  follow(event: PipelineEvent, at: Date): void {
    const line = logLineOf(event, 0, at.toISOString());
    if (line !== null) this.add([line]);
  }

  /** The newest lines after event `seq`, oldest first; without it those of other programs and earlier lives as well. */
  async after(seq: number | undefined): Promise<LogLine[]> {
    if (seq !== undefined) return this.lines.filter((line) => line.seq > seq);
    this.turn = this.turn.then(() => this.readOthers());
    await this.turn;
    return [...this.others, ...this.lines].sort((a, b) => Date.parse(a.at) - Date.parse(b.at)).slice(-KEPT_LINES);
  }

  /** Resolves when everything said so far is on disk. */
  async settled(): Promise<void> {
    await this.turn;
  }

  private async readOthers(): Promise<void> {
    const size = await this.size();
    if (size === this.knownSize) return;
    this.knownSize = size;
    const texts: string[] = [];
    for (const path of [this.olderPath, this.path]) {
      texts.push(...(await readLines(path).catch(() => ({ lines: [] }))).lines);
    }
    const own = new Set(this.lines.map((line) => JSON.stringify(line)));
    // A line that cannot be read is left out: the log explains, and nothing depends on it.
    const known = texts
      .filter((text) => !own.has(text))
      .slice(-KEPT_LINES)
      .flatMap((text) => parseLine(text) ?? []);
    this.others = known.map((line, index) => ({ ...line, seq: index - known.length }));
  }

  private async write(lines: readonly LogLine[]): Promise<void> {
    const size = await this.size();
    const isKnown = size === this.knownSize;
    if (!this.isWhole && size > 0) await cutTornLine(this.path);
    this.isWhole = true;
    if (size > FILE_BYTES) await rename(this.path, this.olderPath);
    if (size === 0) await makeFolder(dirname(this.path));
    await appendLines(
      this.path,
      lines.map((line) => JSON.stringify(line)),
    );
    if (isKnown) this.knownSize = await this.size();
  }

  private async size(): Promise<number> {
    return stat(this.path).then(
      ({ size }) => size,
      () => 0,
    );
  }
}

/** Makes a folder in one that is there: a project that is gone must not come back as a folder with a log in it. */
async function makeFolder(path: string): Promise<void> {
  await mkdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

function parseLine(text: string): LogLine | null {
  try {
    return logLineSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
