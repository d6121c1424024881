import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { failure } from '../../contract/errors.js';
import { jobRecordSchema } from '../../contract/jobs.js';
import { changedFiles } from '../../project/fileHashes.js';
import type { Project } from '../../project/project.js';
import { isProjectLocked } from '../../project/projectLock.js';
import { identitySchema } from '../experimentData.js';
import { pipelineStages } from '../pipelineStages.js';
import { StageStore } from '../stageStore.js';
import { checkStage } from './checkStage.js';
import type { Finding } from './finding.js';

export interface ProjectVerification {
  readonly name: string;
  /** Whether nothing is damaged; leftovers of a crash are no damage. */
  readonly intact: boolean;
  readonly stages: readonly {
    readonly id: string;
    /** `intact`: everything is as it was written; `usable`: damaged, but nothing has to be computed again; `to repair`. */
    readonly state: 'not begun' | 'unfinished' | 'intact' | 'usable' | 'to repair';
    /** Files whose hashes or contents were compared. */
    readonly checked: number;
  }[];
  readonly findings: readonly Finding[];
}

/**
 * Compares every file of a project with the hashes written down when it was finished: the tensors of all checkpoints, results,
 * samples, reports; earlier results in `archive/`; records of jobs. Changes nothing.
 * @throws failure `PROJECT_LOCKED` while a run writes to it
 */
export async function verifyProject(project: Project): Promise<ProjectVerification> {
  if (await isProjectLocked(project)) {
    throw failure(
      'PROJECT_LOCKED',
      `${project.path} is in use by a run`,
      'wait for it to end or stop it, then try again',
    );
  }
  return verifyUnlocked(project);
}

/** `verifyProject` for who holds the writer's place. */
export async function verifyUnlocked(project: Project): Promise<ProjectVerification> {
  const root = project.folder;
  const store = new StageStore(project);
  const findings: Finding[] = [];
  const stages: ProjectVerification['stages'][number][] = [];
  for (const { id } of pipelineStages(project.file.config)) {
    const check = await checkStage(root, id, store.folder(id));
    findings.push(...check.findings);
    const damage = check.findings.filter(({ kind }) => kind === 'damage');
    const state = damage.some(({ stage }) => stage !== null)
      ? 'to repair'
      : damage.length > 0
        ? 'usable'
        : check.record === null
          ? 'not begun'
          : check.record.state === 'done'
            ? 'intact'
            : 'unfinished';
    stages.push({ id, state, checked: check.checked });
  }
  findings.push(
    ...(await checkData(root)),
    ...(await checkArchive(root)),
    ...(await checkReports(root)),
    ...(await checkJobs(root)),
  );
  return { name: project.file.name, intact: findings.every(({ kind }) => kind === 'leftover'), stages, findings };
}

async function checkData(root: string): Promise<Finding[]> {
  const path = join('stages', 'data.json');
  return checkJson(root, path, (value) => identitySchema.parse(value), 'the next run writes it anew');
}

async function checkJobs(root: string): Promise<Finding[]> {
  const names = (await readdir(join(root, 'jobs')).catch(() => [])).filter((name) => name.endsWith('.json'));
  const parse = (value: unknown) => jobRecordSchema.parse(value);
  const effect = 'that run is missing from the history; its results are not';
  return (await Promise.all(names.map((name) => checkJson(root, join('jobs', name), parse, effect)))).flat();
}

async function checkJson(
  root: string,
  path: string,
  parse: (value: unknown) => unknown,
  effect: string,
): Promise<Finding[]> {
  try {
    parse(JSON.parse(await readFile(join(root, path), 'utf8')));
    return [];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    return [{ kind: 'damage', path, problem: 'is not readable', effect, fix: { kind: 'set-aside' }, stage: null }];
  }
}

/** Earlier results of other configs, one folder each. */
async function checkArchive(root: string): Promise<Finding[]> {
  const archive = join(root, 'archive');
  const entries = await readdir(archive, { withFileTypes: true, recursive: true }).catch(() => []);
  const findings: Finding[] = [];
  for (const folder of entries.filter(({ name }) => name === 'stage.json').map(({ parentPath }) => parentPath)) {
    if (folder.includes(`${sep}without-record-`)) continue;
    const check = await checkStage(root, relative(archive, dirname(folder)), folder);
    const damage = check.findings.filter(({ kind }) => kind === 'damage');
    if (damage.length === 0) continue;
    findings.push({
      kind: 'damage',
      path: relative(root, folder),
      problem: damage.map(({ path, problem }) => `${relative(folder, join(root, path))} ${problem}`).join('; '),
      effect: 'these earlier results do not come back when their config does: they are computed again',
      fix: { kind: 'set-aside' },
      stage: null,
    });
  }
  return findings;
}

async function checkReports(root: string): Promise<Finding[]> {
  const entries = await readdir(join(root, 'reports'), { withFileTypes: true }).catch(() => []);
  const findings: Finding[] = [];
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    const path = join('reports', name);
    const isWhole = (await stat(join(root, path, 'report.html')).catch(() => null)) !== null;
    if (!isWhole || name.startsWith('.')) {
      const effect = 'nothing shows it; `stepadapt report` writes a whole one';
      findings.push({
        kind: 'leftover',
        path,
        problem: 'is unfinished',
        effect,
        fix: { kind: 'set-aside' },
        stage: null,
      });
      continue;
    }
    const compared = await changedFiles(join(root, path)).catch(() => ({
      changed: [{ path: 'files.json', change: 'changed' as const }],
    }));
    if (compared === null || compared.changed.length === 0) continue;
    findings.push({
      kind: 'damage',
      path,
      problem: compared.changed.map((file) => `${file.path} is ${file.change}`).join('; '),
      effect: '`stepadapt report` writes it anew from the evaluation',
      fix: { kind: 'set-aside' },
      stage: null,
    });
  }
  return findings;
}
