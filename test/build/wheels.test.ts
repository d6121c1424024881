import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compilerArguments } from '../../build/nativeEngine/binding.mjs';
import { downloadWheels, pipFailure } from '../../build/nativeEngine/download.mjs';
import { unpackWheels } from '../../build/nativeEngine/unpack.mjs';
import { runProcess, type RunProcess } from '../../build/setup/processes.mjs';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'stepadapt-wheels-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const content = 'the wheel';
const wheel = {
  project: 'some-library',
  version: '1.0',
  file: 'some_library-1.0-py3-none-any.whl',
  platform: 'any',
  sha256: createHash('sha256').update(content).digest('hex'),
};
const progress = { update: () => undefined, done: () => undefined };

/** pip, as far as the set-up sees it: puts the wheel into the folder it is told. */
function fakePip() {
  const calls: (readonly string[])[] = [];
  const run: RunProcess = (_command, args) => {
    calls.push(args);
    const destination = args[args.indexOf('--dest') + 1] ?? '';
    mkdirSync(destination, { recursive: true });
    writeFileSync(join(destination, wheel.file), content);
    return Promise.resolve({ code: 0, stdout: '', stderr: '' });
  };
  return { run, calls };
}

describe('downloadWheels', () => {
  const download = (run: RunProcess) => downloadWheels({ wheels: [wheel], folder, python: 'python3', run, progress });

  it('uses a wheel that an earlier attempt left, if its hash is right', async () => {
    writeFileSync(join(folder, wheel.file), content);
    const pip = fakePip();
    expect(await download(pip.run)).toEqual([join(folder, wheel.file)]);
    expect(pip.calls).toEqual([]);
  });

  it('downloads again over a damaged wheel and leaves nothing else behind', async () => {
    writeFileSync(join(folder, wheel.file), 'the whe');
    const pip = fakePip();
    await download(pip.run);
    expect(pip.calls).toHaveLength(1);
    expect(pip.calls[0]).toContain('--require-hashes');
    expect(readFileSync(join(folder, wheel.file), 'utf8')).toBe(content);
    expect(readdirSync(folder)).toEqual([wheel.file]);
  });
});

describe('pipFailure', () => {
  const failed = (stderr: string) => pipFailure({ code: 1, stdout: '', stderr });
  const lastWord = 'ERROR: No matching distribution found for some-library==1.0';

  it('tells a network that is down from a wheel that is not there', () => {
    const warning =
      'WARNING: Retrying (Retry(total=1)) after connection broken by NewConnectionError: [Errno 111] Connection refused';
    expect(failed(`${warning}\n${lastWord}\n`)).toBe('the package index cannot be reached');
    expect(failed(`${lastWord}\n`)).toBe(lastWord);
  });
});

const python = spawnSync('python3', ['--version']).status === 0;

describe.skipIf(!python)('unpackWheels', () => {
  const library = 'tensorflow/libtensorflow_cc.so.2';
  const unpack = (libraries: string[]) =>
    unpackWheels({
      wheels: [join(folder, 'a.whl'), join(folder, 'b.whl')],
      libraries,
      target: join(folder, 'out'),
      python: 'python3',
      run: runProcess,
    });

  beforeEach(() => {
    const executable = { os: 3, attrs: (0o755 << 16) >>> 0 };
    const tensorflow = {
      [library]: strToU8('library'),
      'tensorflow/include/tensorflow/c/c_api.h': strToU8('header'),
      'tensorflow/include/Eigen/Core': strToU8('not needed'),
      'tensorflow/python/big.so': strToU8('not needed'),
    };
    const nvidia = {
      'nvidia/cuda_nvcc/bin/ptxas': [strToU8('program'), executable] as [Uint8Array, typeof executable],
      'nvidia/cuda_nvcc/include/crt.h': strToU8('not needed'),
    };
    writeFileSync(join(folder, 'a.whl'), zipSync(tensorflow));
    writeFileSync(join(folder, 'b.whl'), zipSync(nvidia));
  });

  it('takes libraries and the needed headers in their places, and keeps programs executable', async () => {
    expect(await unpack([library])).toEqual([library, 'nvidia/cuda_nvcc/bin/ptxas']);
    const out = join(folder, 'out');
    expect(readFileSync(join(out, library), 'utf8')).toBe('library');
    expect(existsSync(join(out, 'tensorflow/include/tensorflow/c/c_api.h'))).toBe(true);
    expect(statSync(join(out, 'nvidia/cuda_nvcc/bin/ptxas')).mode & 0o100).toBe(
      process.platform === 'win32' ? 0 : 0o100,
    );
    for (const unneeded of ['tensorflow/include/Eigen', 'tensorflow/python', 'nvidia/cuda_nvcc/include']) {
      expect(existsSync(join(out, unneeded))).toBe(false);
    }
  });

  it('refuses a wheel without the library and one that is damaged', async () => {
    await expect(unpack(['tensorflow/other.so'])).rejects.toThrow('does not hold tensorflow/other.so');
    writeFileSync(join(folder, 'b.whl'), 'not a zip');
    await expect(unpack([library])).rejects.toThrow(/could not be unpacked: .*BadZipFile/);
  });
});

describe('compilerArguments', () => {
  const inputs = { sources: '/m/binding', nodeHeaders: '/m/headers' };

  it('links by a path relative to the add-on, so that the folder can move into place', () => {
    const libraries = ['tensorflow/libtensorflow_cc.so.2'];
    const linux = compilerArguments({ platform: 'linux', libraries, folder: '/e', inputs });
    expect(linux).toContain('-shared');
    expect(linux).toContain('-Wl,-rpath,$ORIGIN/tensorflow');
    const macos = compilerArguments({ platform: 'darwin', libraries, folder: '/e', inputs });
    expect(macos).toContain('-bundle');
    expect(macos).toContain('-Wl,-rpath,@loader_path/tensorflow');
  });
});
