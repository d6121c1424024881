import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { logLineSchema, type LogLine } from '../contract/runViews.js';
import { appendLines, cutTornLine, readLines } from '../project/lineFile.js';

/** Lines kept in memory, and shown. */
const KEPT_LINES = 500;
/** A file that has grown so far steps aside, and the one before it goes: two of them hold weeks of runs. */
const FILE_BYTES = 1 << 20;

/**
 * What the runs of one project said: `jobs/log.jsonl`, so that a window, or a host, that comes later reads it too. Lines of
 * earlier lives of the host have negative numbers: they come before every event of this life.
 */
export class RunLog {
  private readonly path: string;
  private readonly olderPath: string;
  /** Lines of this life. */
  private lines: LogLine[] = [];
  private readonly earlier: Promise<readonly LogLine[]>;
  /** Files change one write after another. */
  private turn: Promise<unknown>;
  private isWhole = false;

  constructor(folder: string) {
    this.path = join(folder, 'jobs', 'log.jsonl');
    this.olderPath = join(folder, 'jobs', 'log.older.jsonl');
    this.earlier = this.readEarlier();
    this.turn = this.earlier;
  }

  /** Keeps lines, and writes them down. A disk that is full or gone costs the file its lines, never the run its progress. */
  add(lines: readonly LogLine[]): void {
    if (lines.length === 0) return;
    this.lines = [...this.lines, ...lines].slice(-KEPT_LINES);
    this.turn = this.turn.then(() => this.write(lines)).catch(() => undefined);
  }

  /** The newest lines after event `seq`, oldest first; without it those of earlier lives as well. */
  async after(seq: number | undefined): Promise<LogLine[]> {
    if (seq !== undefined) return this.lines.filter((line) => line.seq > seq);
    return [...(await this.earlier), ...this.lines].slice(-KEPT_LINES);
  }

  /** Resolves when everything said so far is on disk. */
  async settled(): Promise<void> {
    await this.turn;
  }

  private async readEarlier(): Promise<readonly LogLine[]> {
    const texts: string[] = [];
    for (const path of [this.olderPath, this.path]) {
      texts.push(...(await readLines(path).catch(() => ({ lines: [] }))).lines);
    }
    // A line that cannot be read is left out: the log explains, and nothing depends on it.
    const known = texts.slice(-KEPT_LINES).flatMap((text) => parseLine(text) ?? []);
    return known.map((line, index) => ({ ...line, seq: index - known.length }));
  }

  private async write(lines: readonly LogLine[]): Promise<void> {
    const size = await stat(this.path).then(
      ({ size }) => size,
      () => 0,
    );
    if (!this.isWhole && size > 0) await cutTornLine(this.path);
    this.isWhole = true;
    if (size > FILE_BYTES) await rename(this.path, this.olderPath);
    await appendLines(
      this.path,
      lines.map((line) => JSON.stringify(line)),
    );
  }
}

function parseLine(text: string): LogLine | null {
  try {
    return logLineSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}
