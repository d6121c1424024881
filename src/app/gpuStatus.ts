import { execFile } from 'node:child_process';

export interface GpuStatus {
  readonly name: string;
  readonly usedBytes: number;
  readonly totalBytes: number;
  /** Share of the time in which it computed, 0..1; null where the driver does not tell. */
  readonly load: number | null;
  readonly celsius: number | null;
}

export interface Gpus {
  readonly gpus: readonly GpuStatus[];
  /** Why there is none to show; null where there is. */
  readonly reason: string | null;
}

const FIELDS = 'name,memory.used,memory.total,utilization.gpu,temperature.gpu';
const PATIENCE_MS = 3000;

/** Memory, load and temperature of NVIDIA GPUs, as their driver's own tool tells them. Where it is missing, it is asked once. */
export class GpuMonitor {
  private absent: string | null = null;

  constructor(private readonly program = 'nvidia-smi') {}

  async read(): Promise<Gpus> {
    if (this.absent !== null) return { gpus: [], reason: this.absent };
    return new Promise((resolve) => {
      const args = [`--query-gpu=${FIELDS}`, '--format=csv,noheader,nounits'];
      execFile(this.program, args, { timeout: PATIENCE_MS, windowsHide: true }, (error, stdout) => {
        if (error === null) return resolve({ gpus: parseGpus(stdout), reason: null });
        const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        if (missing) this.absent = "no NVIDIA GPU is seen here: its driver's nvidia-smi is not installed";
        resolve({
          gpus: [],
          reason: this.absent ?? `nvidia-smi does not answer: ${firstLine(stdout) || error.message}`,
        });
      });
    });
  }
}

/** One line a GPU: name, MiB used, MiB in all, percent, degrees Celsius. What the driver does not know is `[N/A]`. */
export function parseGpus(csv: string): GpuStatus[] {
  return csv
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .filter((cells) => cells.length === 5)
    .map(([name, used, total, load, celsius]) => ({
      name,
      usedBytes: Number(used) * 2 ** 20,
      totalBytes: Number(total) * 2 ** 20,
      load: numberOrNull(load, 0.01),
      celsius: numberOrNull(celsius, 1),
    }))
    .filter(({ totalBytes }) => totalBytes > 0);
}

function numberOrNull(text: string, unit: number): number | null {
  const value = Number(text);
  return text === '' || !Number.isFinite(value) ? null : value * unit;
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0];
}
