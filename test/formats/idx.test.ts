import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readIdx } from '../../src/formats/idx.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'idx-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Magic 00 00 08 03, sizes 3 x 2 x 2, values 0..11. */
const IMAGES = Buffer.from('00000803' + '00000003' + '00000002' + '00000002' + '000102030405060708090a0b', 'hex');

async function file(bytes: Uint8Array): Promise<string> {
  const path = join(folder, 'file');
  await writeFile(path, bytes);
  return path;
}

const refused = (code: string) => expect.objectContaining({ kind: 'input', code });

describe.each([
  ['plain', (bytes: Buffer) => bytes],
  ['gzipped', (bytes: Buffer) => gzipSync(bytes)],
])('%s IDX', (_, pack) => {
  it('is read', async () => {
    const read = await readIdx(await file(pack(IMAGES)));
    expect(read).toEqual({ itemsInFile: 3, shape: [3, 2, 2], data: Uint8Array.from({ length: 12 }, (_, i) => i) });
  });

  it('is read up to a limit', async () => {
    const read = await readIdx(await file(pack(IMAGES)), 2);
    expect(read).toEqual({ itemsInFile: 3, shape: [2, 2, 2], data: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7) });
  });

  it('is read up to a limit when it is larger than one chunk', async () => {
    const header = Buffer.from('0000080100200000', 'hex');
    const values = Buffer.from(Uint8Array.from({ length: 2 ** 21 }, (_, i) => (i * i) >> 5));
    const read = await readIdx(await file(pack(Buffer.concat([header, values]))), 100_000);
    expect(Buffer.compare(read.data, values.subarray(0, 100_000))).toBe(0);
  });

  it('is refused when it ends early', async () => {
    for (const length of [11, 20, 27]) {
      await expect(readIdx(await file(pack(IMAGES.subarray(0, length))))).rejects.toThrow(refused('DATA_TRUNCATED'));
    }
  });

  it('is refused when it holds more than its header promises', async () => {
    await expect(readIdx(await file(pack(Buffer.concat([IMAGES, IMAGES]))))).rejects.toThrow(
      refused('DATA_WRONG_SIZE'),
    );
  });

  it('is refused without taking memory when its header promises 2^31 items', async () => {
    const before = process.memoryUsage().arrayBuffers;
    const liar = Buffer.from('0000080380000000' + '0000001c0000001c' + '00'.repeat(784), 'hex');
    await expect(readIdx(await file(pack(liar)))).rejects.toThrow(refused('DATA_TRUNCATED'));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });

  it('is refused with another magic or type', async () => {
    await expect(readIdx(await file(pack(Buffer.from('not an idx file'))))).rejects.toThrow(
      refused('DATA_WRONG_MAGIC'),
    );
    const floats = Buffer.from('00000d01000000010000803f', 'hex');
    await expect(readIdx(await file(pack(floats)))).rejects.toThrow(refused('DATA_WRONG_TYPE'));
  });
});

describe('damage', () => {
  it('a missing file, or a folder in its place, is named', async () => {
    await expect(readIdx(folder)).rejects.toThrow(refused('DATA_NOT_FOUND'));
    await expect(readIdx(join(folder, 'absent'))).rejects.toThrow(refused('DATA_NOT_FOUND'));
  });

  it('a gzip stream that ends early or is damaged is refused', async () => {
    const noise = Buffer.from(Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251));
    const zipped = gzipSync(Buffer.concat([Buffer.from('0000080100001388', 'hex'), noise]));
    await expect(readIdx(await file(zipped.subarray(0, zipped.length - 30)))).rejects.toThrow(
      refused('DATA_TRUNCATED'),
    );
    const damaged = Buffer.from(zipped);
    damaged[zipped.length - 6] ^= 0xff;
    await expect(readIdx(await file(damaged))).rejects.toThrow(refused('DATA_UNREADABLE'));
  });

  it('an empty file is truncated', async () => {
    await expect(readIdx(await file(Buffer.alloc(0)))).rejects.toThrow(refused('DATA_TRUNCATED'));
  });
});
