import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The part of a child process that the supervisor uses. */
export type EngineChild = Pick<ChildProcess, 'pid' | 'connected' | 'send' | 'kill' | 'stderr' | 'on' | 'once'>;

export type SpawnEngine = () => EngineChild;

/**
 * How engine processes are started: in a plain Node, never in the process of a window, so that a native crash takes nothing
 * else down.
 * @param options.execPath a Node executable; the running one by default
 * @param options.env its environment, asked for at each start; this process's by default
 */
export function engineSpawner(
  options: { execPath?: string; entry?: string; env?: () => NodeJS.ProcessEnv } = {},
): SpawnEngine {
  const { execPath = process.execPath } = options;
  const entry = options.entry ?? fileURLToPath(new URL('./engineProcess.js', import.meta.url));
  return () => {
    const env = options.env?.() ?? process.env;
    return fork(entry, [], {
      execPath,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // NaN survives structured cloning alone. Inside Electron the variable makes its executable a plain Node.
      serialization: 'advanced',
      env: { ...env, ELECTRON_RUN_AS_NODE: '1', TF_CPP_MIN_LOG_LEVEL: env['TF_CPP_MIN_LOG_LEVEL'] ?? '3' },
    });
  };
}
