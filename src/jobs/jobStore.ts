import { mkdir, readdir, readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { jobRecordSchema, type JobRecord } from '../contract/jobs.js';
import { writeJsonAtomic } from '../project/atomicFile.js';
import { safeParse } from '../contract/safeParse.js';

/**
 * Job records of one project, `jobs/ID.json`. Ids sort by time. A record is on disk before its process exists, and says after
 * any crash what was asked for.
 */
export class JobStore {
  private readonly folder: string;

  constructor(projectFolder: string) {
    this.folder = join(projectFolder, 'jobs');
  }

  async write(record: JobRecord): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await writeJsonAtomic(join(this.folder, `${record.id}.json`), record);
  }

  /** Null for a record that does not exist or cannot be read: a job without a record is forgotten, its results are not. */
  async read(id: string): Promise<JobRecord | null> {
    try {
      const parsed = safeParse(jobRecordSchema, JSON.parse(await readFile(join(this.folder, `${id}.json`), 'utf8')));
      return parsed.success && parsed.data.id === id ? parsed.data : null;
    } catch {
      return null;
    }
  }

  /** The record that was made last. */
  async newest(): Promise<JobRecord | null> {
    const names = (await readdir(this.folder).catch(() => [])).filter((name) => name.endsWith('.json')).sort();
    for (const name of names.reverse()) {
      const record = await this.read(name.slice(0, -'.json'.length));
      if (record !== null) return record;
    }
    return null;
  }
}

/** Whether the process of a record is still there. Only this machine's processes can be seen; others count as gone. */
export function isProcessAlive(process: JobRecord['process']): boolean {
  if (process === null || process.host !== hostname()) return false;
  try {
    globalThis.process.kill(process.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
