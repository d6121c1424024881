import { existsSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

const LARGEST_BYTES = 1024 * 1024;
const KEPT_FILES = 5;

/**
 * The log of the main process: JSON lines in `main.log` of the logs folder. A full file becomes `main.1.log`, the one before
 * `main.2.log` and so on; the oldest goes. Lines are written at once, so that the last words before a crash are there.
 */
export function openLog(folder: string, largestBytes = LARGEST_BYTES): Logger {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'main.log');
  let bytes = existsSync(path) ? statSync(path).size : 0;
  if (bytes >= largestBytes) {
    rotate(folder);
    bytes = 0;
  }
  const file = pino.destination({ dest: path, sync: true });
  const write = (line: string) => {
    if (bytes >= largestBytes) {
      rotate(folder);
      file.reopen();
      bytes = 0;
    }
    bytes += Buffer.byteLength(line);
    file.write(line);
  };
  return pino(
    { base: undefined, timestamp: pino.stdTimeFunctions.isoTime, serializers: { error: pino.stdSerializers.err } },
    { write },
  );
}

function rotate(folder: string): void {
  const file = (index: number) => join(folder, index === 0 ? 'main.log' : `main.${index}.log`);
  rmSync(file(KEPT_FILES - 1), { force: true });
  for (let index = KEPT_FILES - 2; index >= 0; index--) {
    if (existsSync(file(index))) renameSync(file(index), file(index + 1));
  }
}
