/**
 * `node --import .../preloadFaults.mjs PROGRAM`: troubles with files that the program did not ask for. The environment variable
 * `STEPADAPT_FAULTS` says which, as JSON:
 *
 * - `{ "countTo": FILE }` writes the number of operations to FILE at the end;
 * - `{ "countBytesTo": FILE }` the same with the bytes written;
 * - `{ "killAt": N }` ends the process with SIGKILL at the Nth operation that changes a file, a write after half of its bytes;
 * - `{ "readOnlyFrom": N }` lets the disk be read-only from the Nth such operation on;
 * - `{ "room": BYTES }` lets the disk be full after BYTES: a write fills what is left, then it and all that follow fail.
 */
import { writeFileSync } from 'node:fs';
import { interceptFiles } from './fileOperations.mjs';

/** @type {{ countTo?: string, countBytesTo?: string, killAt?: number, readOnlyFrom?: number, room?: number }} */
const { countTo, countBytesTo, killAt, readOnlyFrom, room } = JSON.parse(process.env.STEPADAPT_FAULTS ?? '{}');
let operations = 0;
let bytes = 0;
let left = room ?? Infinity;

const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', errno: -28 });
const readOnly = () => Object.assign(new Error('EROFS: read-only file system, open'), { code: 'EROFS', errno: -30 });

interceptFiles(async ({ kind, data }, perform) => {
  operations++;
  bytes += data?.length ?? 0;
  if (operations === killAt) {
    if (data !== undefined) await perform(data.subarray(0, data.length >> 1));
    process.kill(process.pid, 'SIGKILL');
    // The signal may take a moment to arrive; nothing more must reach the disk.
    await new Promise(() => undefined);
  }
  if (readOnlyFrom !== undefined && operations >= readOnlyFrom) throw readOnly();
  if (data !== undefined && data.length > left) {
    await perform(data.subarray(0, left));
    left = 0;
    throw full();
  }
  if (left === 0 && (kind === 'create' || kind === 'makeFolder')) throw full();
  left -= data?.length ?? 0;
  return perform();
});

process.on('exit', () => {
  if (countTo !== undefined) writeFileSync(countTo, String(operations));
  if (countBytesTo !== undefined) writeFileSync(countBytesTo, String(bytes));
});
