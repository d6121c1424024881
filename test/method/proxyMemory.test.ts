import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openProxyMemory, type MemoryEntry } from '../../src/method/proxyMemory.js';

const entry = (round: number): MemoryEntry => ({
  round,
  widths: { 'mid_block.resnets.0.inner': 8 },
  macs: 1000,
  score: 0.1 + 0.2,
  seed: 3,
  seconds: 0.5,
  reason: 'näher am Ziel',
  repairs: [],
});

describe('openProxyMemory', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'memory-'));
    path = join(folder, 'memory.jsonl');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('starts empty and gives back exactly what was appended', async () => {
    const memory = await openProxyMemory(path);
    expect(memory.entries).toEqual([]);
    await memory.append(entry(0));
    await memory.append({ ...entry(1), score: null });
    const expected = [entry(0), { ...entry(1), score: null }];
    expect(memory.entries).toEqual(expected);
    expect((await openProxyMemory(path)).entries).toEqual(expected);
  });

  it('drops a torn last line, wherever it was cut, and goes on behind the last whole one', async () => {
    const memory = await openProxyMemory(path);
    await memory.append(entry(0));
    const whole = await readFile(path);
    const second = Buffer.from(`${JSON.stringify(entry(1))}\n`);
    for (let cut = 1; cut < second.length; cut++) {
      await writeFile(path, Buffer.concat([whole, second.subarray(0, cut)]));
      const reopened = await openProxyMemory(path);
      expect(reopened.entries).toEqual([entry(0)]);
      expect(await readFile(path)).toEqual(whole);
    }
    const reopened = await openProxyMemory(path);
    await reopened.append(entry(1));
    expect((await openProxyMemory(path)).entries).toEqual([entry(0), entry(1)]);
  });

  it.each([
    ['no JSON', 'garbage'],
    ['an unknown field', JSON.stringify({ ...entry(1), extra: 1 })],
    ['a round out of order', JSON.stringify(entry(2))],
  ])('refuses a whole line with %s and changes nothing', async (_, line) => {
    const memory = await openProxyMemory(path);
    await memory.append(entry(0));
    await appendFile(path, `${line}\n`);
    const before = await readFile(path);
    await expect(openProxyMemory(path)).rejects.toMatchObject({
      code: 'MEMORY_DAMAGED',
      message: expect.stringContaining('line 2'),
    });
    expect(await readFile(path)).toEqual(before);
  });
});
