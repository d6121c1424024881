import { writeFileHashes } from '../project/fileHashes.js';

/** Writes down the hashes of a finished stage. Checkpoints have hashes of their own, and the record is written after this. */
export function writeStageHashes(folder: string): Promise<void> {
  return writeFileHashes(
    folder,
    (path) => path === 'stage.json' || path === 'latest' || path.startsWith('checkpoints/'),
  );
}
