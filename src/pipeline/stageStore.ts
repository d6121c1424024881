import { readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failure } from '../contract/errors.js';
import { parseJson } from '../formats/json.js';
import { stageRecordSchema, type StageRecord } from '../contract/project.js';
import { fsyncFolder, makeFolder, writeJsonAtomic } from '../project/atomicFile.js';
import type { Project } from '../project/project.js';
import { safeParse } from '../contract/safeParse.js';

/**
 * Where stages keep their results. A stage whose inputs changed is not overwritten: its folder moves to `archive/` under the
 * hash of its inputs, and comes back from there when the inputs do.
 */
export class StageStore {
  constructor(private readonly project: Project) {}

  folder(id: string): string {
    return join(this.project.folder, 'stages', id);
  }

  private archived(id: string, inputHash: string): string {
    return join(this.project.folder, 'archive', id, inputHash.slice(0, 16));
  }

  /** The record of a stage, or null when it never ran. */
  async read(id: string): Promise<StageRecord | null> {
    const path = join(this.folder(id), 'stage.json');
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
    const parsed = safeParse(stageRecordSchema, jsonOrNull(text));
    // A record of another stage has no business here: its hash would name a folder of that one.
    if (!parsed.success || parsed.data.id !== id) {
      throw failure(
        'STAGE_CORRUPT',
        `${path} is damaged`,
        'run `stepadapt repair` on the project: it keeps what is intact',
      );
    }
    return parsed.data;
  }

  async write(record: StageRecord): Promise<void> {
    await this.requireProject();
    await makeFolder(this.folder(record.id));
    await writeJsonAtomic(join(this.folder(record.id), 'stage.json'), record);
  }

  /** Makes `stages/ID` the place for results of these inputs, archiving results of others and restoring earlier ones of these. */
  async prepare(id: string, inputHash: string): Promise<StageRecord | null> {
    const current = await this.read(id);
    if (current?.inputHash === inputHash) return current;
    if (current !== null) await this.moveAway(id, this.archived(id, current.inputHash));
    else await this.setAside(id);
    const earlier = this.archived(id, inputHash);
    const parent = dirname(this.folder(id));
    await makeFolder(parent);
    try {
      await rename(earlier, this.folder(id));
      await fsyncFolder(parent);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return this.read(id);
  }

  /**
   * Moves a stage's folder out of the way without deleting anything: its record is missing or damaged, so nobody can say what
   * the results in it were computed from.
   * @returns where it lies now; null when there was nothing to keep
   */
  async setAside(id: string): Promise<string | null> {
    const folder = this.folder(id);
    const names = await readdir(folder).catch((): string[] => []);
    if (names.length === 0) {
      await rm(folder, { recursive: true, force: true });
      return null;
    }
    for (let turn = 1; ; turn++) {
      const target = join(this.project.folder, 'archive', id, `without-record-${turn}`);
      if ((await stat(target).catch(() => null)) !== null) continue;
      await this.moveAway(id, target);
      return target;
    }
  }

  /** @throws failure `PROJECT_GONE` when the project's file is not where it was: nothing must be written into its place */
  async requireProject(): Promise<void> {
    const { path } = this.project;
    if ((await stat(path).catch(() => null)) !== null) return;
    throw failure(
      'PROJECT_GONE',
      `${path} is not there any more`,
      'put the folder back or connect its disk, then run the same command again: it goes on from the last checkpoint',
    );
  }

  private async moveAway(id: string, target: string): Promise<void> {
    await makeFolder(dirname(target));
    const leaving = `${target}.removing`;
    await rm(leaving, { recursive: true, force: true });
    // Renamed before it is removed: half a result must never come back under a whole one's name.
    await rename(target, leaving).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
    await rename(this.folder(id), target);
    await fsyncFolder(dirname(target));
    await fsyncFolder(dirname(this.folder(id)));
    await rm(leaving, { recursive: true, force: true });
  }
}

function jsonOrNull(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return null;
  }
}
