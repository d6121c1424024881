import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { EngineId, EngineStatus } from './engine.js';

/** What the child process finds out. The engine works when there is a version and no reason against it. */
export interface ProbeReport {
  readonly version: string | null;
  readonly device: string | null;
  readonly reason: string | null;
}

export interface ProbeOptions {
  /** Script that probes one engine. */
  readonly entry?: string;
  /** The Node to probe in; the running one by default. */
  readonly execPath?: string;
  /** Milliseconds after which an engine counts as not working. Default 20 000. */
  readonly timeout?: number;
}

/**
 * Tries every engine with one real operation. Each runs in a child process, since a library that does not fit the machine may
 * take its process down or hang. Never rejects: what goes wrong becomes the engine's `reason`.
 */
export async function probeEngines(options: ProbeOptions = {}): Promise<EngineStatus[]> {
  const { execPath = process.execPath, timeout = 20_000 } = options;
  const entry = options.entry ?? fileURLToPath(new URL('./probeEntry.js', import.meta.url));
  const engines: readonly EngineId[] = ['native', 'wasm'];
  return Promise.all(
    engines.map(async (id) => {
      const report = await probeInChild(execPath, entry, id, timeout);
      return { id, available: report.version !== null && report.reason === null, ...report };
    }),
  );
}

function probeInChild(execPath: string, entry: string, id: EngineId, timeout: number): Promise<ProbeReport> {
  return new Promise((resolve) => {
    // Inside Electron the executable is Electron itself, which this variable turns into plain Node.
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
    execFile(execPath, [entry, id], { env, timeout, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      if (error === null) return resolve(parseReport(stdout));
      resolve(failed(error.killed ? `no answer within ${timeout / 1000} s` : describeExit(error, stderr)));
    });
  });
}

function parseReport(stdout: string): ProbeReport {
  try {
    return JSON.parse(stdout) as ProbeReport;
  } catch {
    return failed(`an unreadable answer: ${stdout.slice(0, 200)}`);
  }
}

function describeExit(error: { signal?: string | null; code?: unknown }, stderr: string): string {
  const how = error.signal ? `was ended by ${error.signal}` : `failed with exit code ${String(error.code)}`;
  const complaint = stderr.split('\n').find((line) => /^\w*error: /i.test(line));
  return `the engine's process ${how}${complaint === undefined ? '' : `: ${complaint.trim()}`}`;
}

function failed(reason: string): ProbeReport {
  return { version: null, device: null, reason };
}
