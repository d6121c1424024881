import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { failure } from '../contract/errors.js';
import { stageRecordSchema, type StageRecord } from '../contract/project.js';
import { writeJsonAtomic } from '../project/atomicFile.js';
import type { Project } from '../project/project.js';

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
    const parsed = stageRecordSchema.safeParse(parseJson(text));
    if (!parsed.success) {
      throw failure(
        'STAGE_CORRUPT',
        `${path} is damaged`,
        `remove the folder ${this.folder(id)} to compute this stage again`,
      );
    }
    return parsed.data;
  }

  async write(record: StageRecord): Promise<void> {
    await mkdir(this.folder(record.id), { recursive: true });
    await writeJsonAtomic(join(this.folder(record.id), 'stage.json'), record);
  }

  /** Makes `stages/ID` the place for results of these inputs, archiving results of others and restoring earlier ones of these. */
  async prepare(id: string, inputHash: string): Promise<StageRecord | null> {
    const current = await this.read(id);
    if (current?.inputHash === inputHash) return current;
    if (current !== null) {
      const target = this.archived(id, current.inputHash);
      await mkdir(dirname(target), { recursive: true });
      await rm(target, { recursive: true, force: true });
      await rename(this.folder(id), target);
    } else {
      // Without a record the folder holds at most what a crash left before the stage began.
      await rm(this.folder(id), { recursive: true, force: true });
    }
    const earlier = this.archived(id, inputHash);
    await mkdir(dirname(this.folder(id)), { recursive: true });
    try {
      await rename(earlier, this.folder(id));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return this.read(id);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
