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

/** Append-only metrics of one training, JSON lines. A torn last line, left by a crash, is dropped on read. */
export class MetricsFile {
  private readonly path: string;

  constructor(folder: string) {
    this.path = join(folder, 'metrics.jsonl');
  }

  async append(lines: readonly MetricLine[]): Promise<void> {
    if (lines.length === 0) return;
    await mkdir(dirname(this.path), { recursive: true });
    await appendFile(this.path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }

  async read(): Promise<MetricLine[]> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as MetricLine);
  }

  /** Drops what was written after the checkpoint that training goes on from, so that no update appears twice. */
  async truncateAfter(step: number): Promise<void> {
    const kept = (await this.read()).filter((line) => line.step <= step);
    await mkdir(dirname(this.path), { recursive: true });
    await writeFileAtomic(this.path, kept.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
}
