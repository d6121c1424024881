import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { failure } from '../src/contract/errors.js';

/** How engine processes are started. */
export interface EngineRuntime {
  /** A Node executable. */
  readonly execPath: string;
  /** What it runs: the compiled `src/jobs/engineProcess`, as a plain file. */
  readonly entry: string;
  /** Installed native tensor engines that came with the app; null = where the user's own are. */
  readonly engineHome: string | null;
}

export interface HostFacts {
  readonly isPackaged: boolean;
  /** `process.resourcesPath` */
  readonly resourcesFolder: string;
  /** The folder `dist`, as this program sees it: inside the archive of a packaged app. */
  readonly programFolder: string;
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
}

/**
 * The engine runs in a real Node, never in Electron's binary: the native tensor add-on needs memory outside the cage that
 * Electron's V8 is built with, and a packaged app refuses to be run as Node (a fuse). A packaged app brings its own Node and
 * keeps the program outside the archive, which a plain Node cannot read. In a checkout it is the Node that started the app.
 *
 * @throws failure `NODE_RUNTIME_MISSING` when a packaged app has lost its Node
 */
export function findEngineRuntime(host: HostFacts): EngineRuntime {
  const { env, programFolder, resourcesFolder } = host;
  if (!host.isPackaged) {
    return {
      execPath: env['STEPADAPT_NODE'] ?? env['npm_node_execpath'] ?? 'node',
      entry: join(programFolder, 'src', 'jobs', 'engineProcess.js'),
      engineHome: null,
    };
  }
  const execPath = join(resourcesFolder, 'node', 'bin', host.platform === 'win32' ? 'node.exe' : 'node');
  if (!existsSync(execPath)) {
    throw failure('NODE_RUNTIME_MISSING', `the engine's runtime ${execPath} is not there`, 'install the app again');
  }
  const engines = join(resourcesFolder, 'engines');
  return {
    execPath,
    entry: join(resourcesFolder, 'app.asar.unpacked', 'dist', 'src', 'jobs', 'engineProcess.js'),
    engineHome: existsSync(join(engines, 'active.json')) ? engines : null,
  };
}
