// Called by electron-builder before it packs: gathers what lies outside the archive.
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Arch } from 'electron-builder';
import { enginesFolder } from '../nativeEngine/store.mjs';
import { runProcess } from '../setup/processes.mjs';
import { stageEngine } from './engineFiles.mjs';
import { NODE_VERSION, stageNode } from './nodeRuntime.mjs';

const stage = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), '.cache', 'package');

/** @param {{ electronPlatformName: string, arch: import('electron-builder').Arch }} context */
export default async function beforePack({ electronPlatformName: platform, arch: archNumber }) {
  const arch = Arch[archNumber];
  await stageNode({ platform, arch, folder: join(stage, 'node'), scratch: join(stage, 'scratch'), run: runProcess });
  const engines = enginesFolder(process.env, process.platform, homedir());
  const engine = stageEngine({ engines, platform, arch, folder: join(stage, 'engines') });
  console.error(
    `package: Node ${NODE_VERSION}, ${engine ?? 'no native engine: the package computes on the portable one'}`,
  );
}
