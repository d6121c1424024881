import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { writeFileAtomic } from '../project/atomicFile.js';

/** One line of `metrics.jsonl`: values measured at an update. */
export interface MetricLine {
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
  readonly learningRate: number;
  /** Mean loss in equal bins over [0, T); null where the interval drew no timestep. */
  readonly lossByTimestep: readonly (number | null)[];
}

/** One line of `clock.jsonl`: when an update was logged. Apart from the metrics, which are the same in every repetition. */
export interface ClockLine {
  readonly step: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Whether a training began, or went on, here: the time before it was no work. */
  readonly begins?: true;
}

/** Append-only metrics of one training, JSON lines. A torn last line, left by a crash, is dropped on read. */
export class MetricsFile {
  private readonly path: string;
  private readonly clockPath: string;

  constructor(
    folder: string,
    private readonly now: () => number = Date.now,
  ) {
    this.path = join(folder, 'metrics.jsonl');
    this.clockPath = join(folder, 'clock.jsonl');
  }

  async append(lines: readonly MetricLine[]): Promise<void> {
    if (lines.length === 0) return;
    await mkdir(dirname(this.path), { recursive: true });
    await appendFile(this.path, jsonLines(lines));
    const at = this.now();
    await appendFile(this.clockPath, jsonLines(lines.map(({ step }): ClockLine => ({ step, at }))));
  }

  read(): Promise<MetricLine[]> {
    return readJsonLines<MetricLine>(this.path);
  }

  /** When the updates were logged, in order; empty for a training that did not write it down. */
  readClock(): Promise<ClockLine[]> {
    return readJsonLines<ClockLine>(this.clockPath);
  }

  /**
   * Begins, or goes on, after the checkpoint of `step`: drops what was written after it, so that no update appears twice.
   */
  async truncateAfter(step: number): Promise<void> {
    const kept = (await this.read()).filter((line) => line.step <= step);
    const clock = (await this.readClock()).filter((line) => line.step <= step);
    await mkdir(dirname(this.path), { recursive: true });
    await writeFileAtomic(this.path, jsonLines(kept));
    await writeFileAtomic(this.clockPath, jsonLines([...clock, { step, at: this.now(), begins: true }]));
  }
}

function jsonLines(lines: readonly object[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

async function readJsonLines<T>(path: string): Promise<T[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}
