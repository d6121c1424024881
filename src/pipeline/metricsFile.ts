import { join } from 'node:path';
import { z } from 'zod';
import { failure } from '../contract/errors.js';
import { parseJson } from '../formats/json.js';
import { writeFileAtomic } from '../project/atomicFile.js';
import { appendLines, readLines, syncFile } from '../project/lineFile.js';

/** JSON has no NaN and no infinities: what diverged is written as null. */
const measured = z
  .number()
  .nullable()
  .transform((value) => value ?? Number.NaN);

const lineSchema = z.object({
  step: z.number().int().min(0),
  loss: measured,
  gradientNorm: measured,
  learningRate: z.number(),
  /** Mean loss in equal bins over [0, T); null where the interval drew no timestep. */
  lossByTimestep: z.array(z.number().nullable()).readonly(),
});

/** One line of `metrics.jsonl`: values measured at an update. */
export type MetricLine = Readonly<z.output<typeof lineSchema>>;

const clockSchema = z.object({
  step: z.number().int().min(0),
  /** Milliseconds since 1970. */
  at: z.number(),
  /** Whether a training began, or went on, here: the time before it was no work. */
  begins: z.literal(true).optional(),
});

/** One line of `clock.jsonl`: when an update was logged. Apart from the metrics, which are the same in every repetition. */
export type ClockLine = Readonly<z.output<typeof clockSchema>>;

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

  /**
   * Appends lines. They outlast the end of the process; a loss of power only after `sync`, for a training that goes on drops what
   * came after its checkpoint anyway, and waiting for the disk would take some percent of a small network's update.
   */
  async append(lines: readonly MetricLine[]): Promise<void> {
    if (lines.length === 0) return;
    await appendLines(
      this.path,
      lines.map((line) => JSON.stringify(line)),
      false,
    );
    const at = this.now();
    await appendLines(
      this.clockPath,
      lines.map(({ step }) => JSON.stringify({ step, at } satisfies ClockLine)),
      false,
    );
  }

  /** Makes all lines so far durable: to be awaited before the checkpoint of the last one's update. */
  async sync(): Promise<void> {
    await syncFile(this.path);
    await syncFile(this.clockPath);
  }

  /** @throws failure `METRICS_DAMAGED` for a whole line that is no such record */
  read(): Promise<MetricLine[]> {
    return readJsonLines(this.path, lineSchema);
  }

  /** When the updates were logged, in order; empty for a training that did not write it down. */
  readClock(): Promise<ClockLine[]> {
    return readJsonLines(this.clockPath, clockSchema);
  }

  /**
   * Begins, or goes on, after the checkpoint of `step`: drops what was written after it, so that no update appears twice.
   */
  async truncateAfter(step: number): Promise<void> {
    const kept = (await this.read()).filter((line) => line.step <= step);
    const clock = (await this.readClock()).filter((line) => line.step <= step);
    await writeFileAtomic(this.path, jsonLines(kept));
    await writeFileAtomic(this.clockPath, jsonLines([...clock, { step, at: this.now(), begins: true }]));
  }
}

function jsonLines(lines: readonly object[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

async function readJsonLines<T extends z.ZodType>(path: string, schema: T): Promise<z.output<T>[]> {
  const { lines } = await readLines(path);
  return lines.map((line, index) => {
    try {
      return schema.parse(parseJson(line));
    } catch (cause) {
      throw failure(
        'METRICS_DAMAGED',
        `line ${index + 1} of ${path} is not readable`,
        'run `stepadapt repair` on the project, then go on',
        { cause },
      );
    }
  });
}
