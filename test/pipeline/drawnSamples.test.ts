import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DrawRequests } from '../../src/pipeline/drawRequests.js';
import { drawnName, drawnPath, listDrawn, parseDrawnName, writeDrawn } from '../../src/pipeline/drawnSamples.js';
import { removeFolder } from '../removeFolder.js';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'stepadapt-drawn-'))));
afterEach(() => removeFolder(folder));

const sample = fc.record({
  at: fc
    .date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  model: fc.constantFrom('base', 'uniform', 'adaptive', 'experts/0', 'experts/17'),
  step: fc.nat(),
  seed: fc.nat(999_999_999),
  count: fc.integer({ min: 1, max: 64 }),
});

describe('drawn samples', () => {
  it('the name of a picture says everything about it, in characters that an address may hold', () => {
    fc.assert(
      fc.property(sample, (drawn) => {
        const name = drawnName(drawn);
        expect(parseDrawnName(name)).toEqual(drawn);
        expect(name).toMatch(/^[a-z0-9-]{1,80}$/);
      }),
    );
    expect(parseDrawnName('step-0000300')).toBeNull();
    expect(parseDrawnName('20269926184500123-base-step1-seed0-count4')).toBeNull();
  });

  it('the newest are listed, oldest first; other files are none', async () => {
    const at = (second: number) => `2026-11-26T18:00:0${second}.000Z`;
    expect(await listDrawn(folder, 5)).toEqual([]);
    const draw = (second: number) =>
      writeDrawn(folder, { at: at(second), model: 'base', step: 10, seed: 7, count: 4 }, Buffer.from('png'));
    const names = [await draw(3), await draw(1), await draw(2)];
    await mkdir(join(folder, 'samples', 'more'));
    await writeFile(join(folder, 'samples', 'holiday.png'), '');
    expect(await listDrawn(folder, 5)).toEqual([names[1], names[2], names[0]]);
    expect(await listDrawn(folder, 2)).toEqual([names[2], names[0]]);
    expect(drawnPath(names[0])).toBe(join('samples', '20261126180003000-base-step10-seed7-count4.png'));
  });
});

describe('wishes for samples', () => {
  it('are carried out once, in order, and one that fails stops neither the others nor the training', async () => {
    const requests = new DrawRequests();
    const asked = [1, 2, 3].map((seed) => requests.ask({ seed, count: 4 }));
    const settled = Promise.allSettled(asked);
    const seeds: number[] = [];
    const draw = ({ seed }: { seed: number }) => {
      seeds.push(seed);
      return seed === 2 ? Promise.reject(new Error('no memory')) : Promise.resolve(`picture ${seed}`);
    };
    await requests.answer(draw);
    await requests.answer(draw);
    expect(seeds).toEqual([1, 2, 3]);
    expect((await settled).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await asked[2]).toBe('picture 3');
  });

  it('are refused when the training ends', async () => {
    const requests = new DrawRequests();
    const asked = requests.ask({ seed: 1, count: 4 });
    requests.refuseAll(new Error('the training ended'));
    await expect(asked).rejects.toThrow('the training ended');
    await requests.answer(() => Promise.reject(new Error('nothing is left to draw')));
  });
});
