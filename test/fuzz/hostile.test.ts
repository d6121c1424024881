import { lstat, mkdir, mkdtemp, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeError, inputError } from '../../src/contract/errors.js';
import { readImageFolder } from '../../src/formats/images.js';
import { readInputFile } from '../../src/formats/inputFile.js';
import { parseJson } from '../../src/formats/json.js';
import { decodeNpy } from '../../src/formats/npy.js';
import { decodeNpz } from '../../src/formats/npz.js';
import { decodeSafetensors } from '../../src/formats/safetensors.js';
import { decodeTorchFile } from '../../src/formats/torchPickle.js';
import { StageStore } from '../../src/pipeline/stageStore.js';
import { expandSweep, parseSweep } from '../../src/pipeline/sweep/sweepFile.js';
import { refuseOutsideLinks } from '../../src/project/links.js';
import { createProject, openProject, parseConfig } from '../../src/project/project.js';
import { removeFolder } from '../removeFolder.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'stepadapt-hostile-'));
});
afterAll(() => removeFolder(root));

const code = (expected: string) => expect.objectContaining({ kind: 'input', code: expected });

describe('a small file that asks for much', () => {
  it('a zip entry that unpacks to more than it promises is not unpacked further', () => {
    const bomb = Buffer.from(zipSync({ 'a.npy': new Uint8Array(50_000_000) }));
    const central = bomb.indexOf(Buffer.from('504b0102', 'hex'));
    bomb.writeUInt32LE(100, central + 24);
    const before = process.memoryUsage().arrayBuffers;
    expect(() => decodeNpz(bomb)).toThrow(code('NPZ_INVALID'));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10_000_000);
  });

  it('zip entries that share their bytes, or a name, are refused', () => {
    const zip = Buffer.from(
      zipSync({ 'a.npy': Buffer.alloc(5000, 'a long entry '), 'b.npy': new Uint8Array(3) }, { level: 0 }),
    );
    const first = zip.indexOf(Buffer.from('504b0102', 'hex'));
    const second = zip.indexOf(Buffer.from('504b0102', 'hex'), first + 4);
    const shared = Buffer.from(zip);
    zip.copy(shared, second + 16, first + 16, first + 28);
    shared.writeUInt32LE(0, second + 42);
    expect(() => decodeNpz(shared)).toThrow(expect.objectContaining({ message: expect.stringContaining('overlap') }));
    const twice = Buffer.from(zip);
    twice.write('a.npy', second + 46);
    expect(() => decodeNpz(twice)).toThrow(expect.objectContaining({ message: expect.stringContaining('twice') }));
  });

  it('thousands of tensors on one storage of a PyTorch file are refused', () => {
    const text = (value: string) => Buffer.concat([Buffer.from([0x8c, value.length]), Buffer.from(value)]);
    const values = 1000;
    const count = Buffer.from([0x4d, values & 255, values >> 8]);
    const tensor = Buffer.concat([
      Buffer.from('ctorch._utils\n_rebuild_tensor_v2\n(('),
      text('storage'),
      Buffer.from('ctorch\nFloatStorage\n'),
      text('0'),
      text('cpu'),
      count,
      Buffer.from('tQK\0('),
      count,
      Buffer.from('t(K\x01ttRq\x05'),
    ]);
    const again = Array.from({ length: 50 }, (_, index) => Buffer.concat([text(`w${index}`), Buffer.from('h\x05')]));
    const pickle = Buffer.concat([
      Buffer.from([0x80, 2]),
      Buffer.from('}('),
      text('w'),
      tensor,
      ...again,
      Buffer.from('u.'),
    ]);
    const file = zipSync({ 'x/data.pkl': pickle, 'x/data/0': new Uint8Array(4 * values) });
    expect(() => decodeTorchFile(file)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/take 204000 bytes/) }),
    );
  });

  it('an npy header of thousands of axes is refused', () => {
    const header = `{'descr': '|u1', 'fortran_order': True, 'shape': (${'1,'.repeat(20_000)}), }\n`;
    const start = Buffer.from('934e554d50590100', 'hex');
    const length = Buffer.alloc(2);
    length.writeUInt16LE(header.length);
    expect(() => decodeNpy(Buffer.concat([start, length, Buffer.from(header), Buffer.of(1)]), 'x')).toThrow(
      code('NPY_INVALID'),
    );
  });

  it('JSON nested a million times is refused before anyone walks through it', () => {
    const nested = '['.repeat(1_000_000) + ']'.repeat(1_000_000);
    expect(() => parseJson(nested)).toThrow(SyntaxError);
    const header = Buffer.from(`{"a":{"dtype":${nested}}}`);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    expect(() => decodeSafetensors(Buffer.concat([length, header]))).toThrow(code('SAFETENSORS_INVALID'));
  });

  it('brackets inside of texts do not count', () => {
    const text = JSON.stringify({ a: '["\\'.repeat(100) });
    expect(parseJson(text)).toEqual(JSON.parse(text));
  });

  it('a sweep of more combinations than memory holds is refused at once', () => {
    const vary = Object.fromEntries(
      Array.from({ length: 12 }, (_, field) => [`base.f${field}`, Array.from({ length: 100 }, (_, i) => i)]),
    );
    expect(() => expandSweep(parseSweep({ vary, folder: 'x' }, 'x'))).toThrow(code('SWEEP_INVALID'));
  });

  it.skipIf(process.platform === 'win32')('a device that never ends is no file', async () => {
    await expect(readInputFile('/dev/zero')).rejects.toThrow(code('FILE_NOT_REGULAR'));
  });

  it('a picture of too many pixels is refused, whatever its file takes', async () => {
    const folder = join(root, 'large');
    await mkdir(folder);
    const picture = Buffer.from(
      await sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } })
        .png()
        .toBuffer(),
    );
    picture.writeUInt32BE(100_000, 16);
    await writeFile(join(folder, 'a.png'), picture);
    await expect(readImageFolder(folder, { size: 8, channels: 3, limit: 1 })).rejects.toThrow(
      code('DATA_UNREADABLE_IMAGE'),
    );
  });
});

describe('a folder that leads elsewhere', () => {
  it.skipIf(process.platform === 'win32')(
    'an image that is a link out of its folder is refused; one within it is read',
    async () => {
      const folder = join(root, 'linked');
      await mkdir(folder);
      const picture = sharp({ create: { width: 4, height: 4, channels: 3, background: 'red' } });
      await picture.png().toFile(join(root, 'secret.png'));
      await picture.png().toFile(join(folder, 'a.png'));
      await symlink(join(folder, 'a.png'), join(folder, 'b.png'));
      expect((await readImageFolder(folder, { size: 8, channels: 3, limit: 9 })).count).toBe(2);
      await symlink(join(root, 'secret.png'), join(folder, 'c.png'));
      await expect(readImageFolder(folder, { size: 8, channels: 3, limit: 9 })).rejects.toThrow(
        code('DATA_LINK_OUTSIDE'),
      );
    },
  );

  it.skipIf(process.platform === 'win32')(
    'a project with a link out of it is refused before anything is written',
    async () => {
      const folder = join(root, 'project');
      await createProject(folder, { preset: null, config: parseConfig({}) });
      await mkdir(join(folder, 'stages', 'base'), { recursive: true });
      await expect(refuseOutsideLinks(folder)).resolves.toBeUndefined();
      const victim = join(root, 'victim');
      await writeFile(victim, 'mine');
      await symlink(victim, join(folder, 'stages', 'base', 'metrics.jsonl'));
      await expect(refuseOutsideLinks(folder)).rejects.toThrow(code('LINK_OUTSIDE'));
      expect(await readFile(victim, 'utf8')).toBe('mine');
      expect((await lstat(join(folder, 'stages', 'base', 'metrics.jsonl'))).isSymbolicLink()).toBe(true);
    },
  );

  it('a stage record cannot name a folder to be removed', async () => {
    const folder = join(root, 'archive');
    const project = await createProject(folder, { preset: null, config: parseConfig({}) });
    const store = new StageStore(project);
    await mkdir(store.folder('base'), { recursive: true });
    await mkdir(join(root, 'precious'));
    const record = {
      format: 'stepadapt-stage',
      version: 1,
      id: 'base',
      state: 'done',
      inputHash: '../../../precious',
      startedAt: '2026-01-01T00:00:00.000Z',
      finishedAt: null,
      seconds: 1,
      progress: 1,
      engine: { id: 'wasm', version: '1', device: 'cpu', threads: 1 },
      softwareVersion: '0',
      macs: {},
      error: null,
    };
    await writeFile(join(store.folder('base'), 'stage.json'), JSON.stringify(record));
    await expect(store.prepare('base', 'b'.repeat(64))).rejects.toMatchObject({ code: 'STAGE_CORRUPT' });
    expect((await stat(join(root, 'precious'))).isDirectory()).toBe(true);
  });
});

describe('names', () => {
  it.each(['con', 'NUL.x', 'a.', 'b ', '../x', 'a/b', 'a\0b'])('%j is no name of a project', async (name) => {
    await expect(createProject(join(root, 'named'), { name, preset: null, config: parseConfig({}) })).rejects.toThrow(
      code('PROJECT_NAME_INVALID'),
    );
  });

  it('what a stranger wrote cannot rewrite a terminal, nor fill it', async () => {
    const details = describeError(inputError('X', `a\u001b[2J\u202eb\n${'c'.repeat(10_000)}`, 'h'));
    expect(details.message).toMatch(/^a \[2J b c+…$/);
    expect(details.message.length).toBeLessThan(2100);
    const path = join(root, 'wide.stepadapt');
    const config = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`field${index}`, 1]));
    await writeFile(path, JSON.stringify({ format: 'stepadapt-project', version: 1, config }));
    await expect(openProject(path)).rejects.toThrow(code('CONFIG_INVALID'));
  });

  it('an unpacked size is what deflate gives', () => {
    // Guards the bomb above: what it holds does unpack.
    expect(deflateRawSync(new Uint8Array(50_000_000)).length).toBeLessThan(100_000);
  });
});
