import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { z } from 'zod';
import { StepAdaptError } from '../../contract/errors.js';
import { stageRecordSchema, type StageRecord } from '../../contract/project.js';
import { decodeNpz } from '../../formats/npz.js';
import { decodeSafetensors } from '../../formats/safetensors.js';
import { UNFINISHED } from '../../project/atomicFile.js';
import { changedFiles, filesBelow, HASHES_FILE, type ChangedFile } from '../../project/fileHashes.js';
import { UNFINISHED_FOLDER } from '../../project/leftovers.js';
import { listCheckpoints } from '../../training/checkpointFolders.js';
import { readCheckpoint } from '../../training/checkpoint.js';
import { checkLines, LINE_FILES } from './checkLines.js';
import type { Finding } from './finding.js';
import { safeParse } from '../../contract/safeParse.js';

/** What was found in the folder of one stage. */
export interface StageCheck {
  /** Null when it never ran, or its record is damaged. */
  readonly record: StageRecord | null;
  readonly findings: readonly Finding[];
  /** Files whose hashes or contents were compared. */
  readonly checked: number;
}

const inputHashSchema = z.object({ inputHash: z.string() });

/**
 * Reads everything below a stage's folder and compares it with what was written down about it. Changes nothing.
 * @param root folder of the project, which paths are told from
 * @param id of the stage
 */
export async function checkStage(root: string, id: string, folder: string): Promise<StageCheck> {
  const names = await readdir(folder).catch((): string[] => []);
  if (names.length === 0) return { record: null, findings: [], checked: 0 };
  const findings: Finding[] = [];
  const at = (...parts: string[]) => relative(root, join(folder, ...parts));
  const checkpoints = await checkCheckpoints(folder, id, at);
  findings.push(...checkpoints.findings);

  const record = await readRecord(folder);
  if (record === null) {
    const { inputHash } = checkpoints;
    findings.push({
      kind: 'damage',
      path: at('stage.json'),
      problem: names.includes('stage.json') ? 'is not readable' : 'is missing',
      effect:
        inputHash === null
          ? 'nobody can say what these results were computed from; repair keeps them in archive/, and the stage begins anew'
          : 'its checkpoints say what they were computed from: repair writes the record anew, and the stage goes on from them',
      fix: inputHash === null ? { kind: 'set-aside' } : { kind: 'rebuild-record', inputHash },
      stage: id,
    });
  }
  for (const name of LINE_FILES.filter((name) => names.includes(name))) {
    const wrong = await checkLines(join(folder, name), name);
    if (wrong !== null) findings.push({ ...wrong, path: at(name), effect: LINE_EFFECTS[name], stage: null });
  }
  const files = await checkFiles(folder, record);
  const known = new Set(findings.map(({ path }) => path));
  for (const { path, change } of files.changed) {
    if (known.has(at(path))) continue;
    const again = isComputedAgain(path);
    findings.push({
      kind: 'damage',
      path: at(path),
      problem: change === 'missing' ? 'is missing' : files.byHash ? 'does not match its hash' : 'is not readable',
      effect: again ? 'the stage computes it again; the rest of it is kept' : 'nothing else depends on it',
      fix: change === 'changed' && path !== 'metrics.jsonl' ? { kind: 'set-aside' } : null,
      stage: again ? id : null,
    });
  }
  findings.push(...(await leftovers(folder, at)));
  return { record, findings, checked: files.checked + checkpoints.checked };
}

const LINE_EFFECTS: Readonly<Record<string, string>> = {
  'metrics.jsonl': 'the curve of the loss has a gap; weights and results do not depend on it',
  'clock.jsonl': 'the wall time of some updates is unknown; nothing else depends on it',
  'memory.jsonl': 'the search goes on after its last whole round',
  'transcript.jsonl': 'questions without a readable answer are asked again',
};

/** Logs and pictures of a training come from updates that are over; everything else is made again where it is missing. */
function isComputedAgain(path: string): boolean {
  return !LINE_FILES.includes(path) && !path.startsWith('samples/step-') && path !== HASHES_FILE;
}

async function readRecord(folder: string): Promise<StageRecord | null> {
  try {
    return stageRecordSchema.parse(JSON.parse(await readFile(join(folder, 'stage.json'), 'utf8')));
  } catch {
    return null;
  }
}

async function checkCheckpoints(
  folder: string,
  id: string,
  at: (...parts: string[]) => string,
): Promise<{ findings: Finding[]; checked: number; inputHash: string | null }> {
  const findings: Finding[] = [];
  const all = await listCheckpoints(folder);
  let newest: string | null = null;
  let inputHash: string | null = null;
  // What the pointer may hold of an earlier state: it is written after the checkpoint that it names.
  const earlier = [''];
  for (const path of all) {
    try {
      const { meta } = await readCheckpoint(path);
      if (newest !== null) earlier.push(`checkpoints/${basename(path)}`);
      newest ??= path;
      inputHash ??= safeParse(inputHashSchema, meta.extra).data?.inputHash ?? null;
    } catch (error) {
      if (!(error instanceof StepAdaptError)) throw error;
      findings.push({
        kind: 'damage',
        path: at('checkpoints', basename(path)),
        problem: error.message.slice(path.length + 1),
        effect: '',
        fix: { kind: 'set-aside' },
        stage: newest === null ? id : null,
      });
    }
  }
  const goesOn = newest === null ? 'none is left: training begins anew' : `training goes on from ${basename(newest)}`;
  const told = findings.map((finding) => ({
    ...finding,
    effect: finding.stage === null ? 'later checkpoints are intact and hold the result' : goesOn,
  }));
  const pointer = (await readFile(join(folder, 'latest'), 'utf8').catch(() => '')).trim();
  const expected = newest === null ? '' : `checkpoints/${basename(newest)}`;
  if (newest !== null && pointer !== expected) {
    told.push({
      kind: earlier.includes(pointer) ? 'leftover' : 'damage',
      path: at('latest'),
      problem: `names ${pointer === '' ? 'nothing' : pointer}`,
      effect: `the newest intact checkpoint is ${basename(newest)}, and a run finds it without the pointer`,
      fix: { kind: 'point', to: expected },
      stage: null,
    });
  }
  return { findings: told, checked: all.length, inputHash };
}

/** Files of the stage that are not what they were; without hashes, those that cannot be read as what they are. */
async function checkFiles(
  folder: string,
  record: StageRecord | null,
): Promise<{ changed: ChangedFile[]; checked: number; byHash: boolean }> {
  if (record?.state === 'done') {
    const compared = await changedFiles(folder).catch((): { changed: ChangedFile[]; checked: number } => ({
      changed: [{ path: HASHES_FILE, change: 'changed' }],
      checked: 1,
    }));
    if (compared !== null) return { ...compared, byHash: true };
  }
  const changed: ChangedFile[] = [];
  const paths = (await filesBelow(folder)).filter((path) => !path.startsWith('checkpoints/') && path !== 'stage.json');
  for (const path of paths) {
    try {
      const bytes = await readFile(join(folder, path));
      if (path.endsWith('.json')) JSON.parse(bytes.toString('utf8'));
      else if (path.endsWith('.npz')) decodeNpz(bytes, path);
      else if (path.endsWith('.safetensors')) decodeSafetensors(bytes, path);
    } catch {
      changed.push({ path, change: 'changed' });
    }
  }
  return { changed, checked: paths.length, byHash: false };
}

async function leftovers(folder: string, at: (...parts: string[]) => string): Promise<Finding[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const found: Finding[] = [];
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const isHidden = entry.isDirectory() && UNFINISHED_FOLDER.test(entry.name);
    if (!isHidden && !UNFINISHED.test(entry.name)) continue;
    if ((await stat(path).catch(() => null)) === null) continue;
    found.push({
      kind: 'leftover',
      path: at(relative(folder, path)),
      problem: 'was being written when a run was cut off',
      effect: 'nothing reads it, and the next run removes it',
      fix: { kind: 'sweep' },
      stage: null,
    });
  }
  return found;
}
