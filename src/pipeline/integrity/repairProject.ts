import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SOFTWARE_VERSION } from '../../contract/version.js';
import { fsyncFolder, makeFolder, writeFileAtomic } from '../../project/atomicFile.js';
import { sweepLeftovers } from '../../project/leftovers.js';
import { cutTornLine } from '../../project/lineFile.js';
import type { Project } from '../../project/project.js';
import { lockProject } from '../../project/projectLock.js';
import { writeStageHashes } from '../stageHashes.js';
import { StageStore } from '../stageStore.js';
import type { Finding } from './finding.js';
import { verifyUnlocked, type ProjectVerification } from './verifyProject.js';

export interface ProjectRepair {
  /** What was done, in order. */
  readonly actions: readonly { readonly path: string; readonly action: string }[];
  /** Stages that the next run computes again in part. */
  readonly stages: readonly string[];
  /** Where damaged files are now, below the project's folder; null when none had to leave. */
  readonly setAside: string | null;
  /** What is still wrong. */
  readonly after: ProjectVerification;
}

/**
 * Brings a project into a state that a run goes on from: torn lines are cut, damaged files and checkpoints leave their places,
 * pointers and records are written anew, and stages that lost something are marked to be gone on with. Nothing is deleted
 * that cannot be computed again: it moves to `set-aside/`.
 * @throws failure `PROJECT_LOCKED` while a run writes to it
 */
export async function repairProject(project: Project, now = new Date()): Promise<ProjectRepair> {
  const release = await lockProject(project);
  try {
    const before = await verifyUnlocked(project);
    const aside = join('set-aside', now.toISOString().slice(0, 19).replaceAll(':', '-'));
    const actions: { path: string; action: string }[] = [];
    let hasSetAside = false;
    for (const finding of before.findings) {
      const action = await applyFix(project, finding, aside);
      hasSetAside ||= action.includes(aside);
      actions.push({ path: finding.path, action });
    }
    const damaged = before.findings.filter(({ kind }) => kind === 'damage');
    const stages = [...new Set(damaged.flatMap(({ stage }) => stage ?? []))];
    const store = new StageStore(project);
    for (const { id } of before.stages) {
      const record = await store.read(id);
      if (record === null) continue;
      if (stages.includes(id)) await store.write({ ...record, state: 'interrupted', finishedAt: null });
      // What is lost without being computed again must not be missed for ever.
      else if (
        record.state === 'done' &&
        damaged.some(({ path }) => join(project.folder, path).startsWith(`${store.folder(id)}`))
      )
        await writeStageHashes(store.folder(id));
    }
    return { actions, stages, setAside: hasSetAside ? aside : null, after: await verifyUnlocked(project) };
  } finally {
    await release();
  }
}

/** @param aside folder for what leaves its place, below the project's */
async function applyFix(project: Project, { path, fix, stage }: Finding, aside: string): Promise<string> {
  const place = join(project.folder, path);
  switch (fix?.kind) {
    case undefined:
      return 'cannot be repaired';
    case 'set-aside': {
      if (stage !== null && path.endsWith('stage.json')) {
        const target = await new StageStore(project).setAside(stage);
        return `the whole stage moved to ${target ?? 'nowhere: it was empty'}`;
      }
      await moveAside(place, join(project.folder, aside, path));
      return `moved to ${join(aside, path)}`;
    }
    case 'cut':
      await cutTornLine(place);
      return 'the torn line was cut off';
    case 'keep-lines': {
      await moveAside(place, join(project.folder, aside, path));
      await writeFileAtomic(place, fix.lines.map((line) => `${line}\n`).join(''));
      return `${fix.lines.length} readable lines were kept; the whole file moved to ${join(aside, path)}`;
    }
    case 'point':
      await writeFileAtomic(place, `${fix.to}\n`);
      return `points to ${fix.to}`;
    case 'rebuild-record':
      await rebuildRecord(project, stage!, fix.inputHash);
      return 'was written anew from what the newest checkpoint says';
    case 'sweep':
      await sweepLeftovers(project.folder);
      return 'was removed';
  }
}

async function moveAside(from: string, to: string): Promise<void> {
  await makeFolder(dirname(to));
  await rename(from, to);
  await fsyncFolder(dirname(to));
  await fsyncFolder(dirname(from));
}

async function rebuildRecord(project: Project, id: string, inputHash: string): Promise<void> {
  await new StageStore(project).write({
    format: 'stepadapt-stage',
    version: 1,
    id,
    state: 'interrupted',
    inputHash,
    startedAt: new Date().toISOString(),
    finishedAt: null,
    seconds: 0,
    progress: 0,
    engine: { id: 'unknown', version: 'unknown', device: 'unknown', threads: 0 },
    softwareVersion: SOFTWARE_VERSION,
    macs: {},
    error: null,
  });
}
