import { mkdir, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { writeJsonAtomic } from '../project/atomicFile.js';

const queueFileSchema = z.strictObject({
  format: z.literal('stepadapt-queue'),
  version: z.literal(1),
  paused: z.boolean(),
  /** The job at work first, then those that wait, with the `.stepadapt` file of each. */
  jobs: z.array(z.strictObject({ job: z.string(), project: z.string() })),
});

export type QueueContent = Pick<z.output<typeof queueFileSchema>, 'paused' | 'jobs'>;

/**
 * Reads the queue, empty where there is none. A damaged file is put aside as `queue.json.damaged`: the jobs themselves are
 * recorded in their projects.
 */
export async function readQueue(path: string): Promise<QueueContent> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { paused: false, jobs: [] };
    throw error;
  }
  try {
    const { paused, jobs } = queueFileSchema.parse(JSON.parse(text));
    return { paused, jobs };
  } catch {
    await rename(path, `${path}.damaged`);
    return { paused: false, jobs: [] };
  }
}

export async function writeQueue(path: string, content: QueueContent): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeJsonAtomic(path, { format: 'stepadapt-queue', version: 1, ...content });
}
