import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensureNativeEngine } from '../../build/nativeEngine.mjs';
import { kernelsFile } from '../../build/nativeEngine/kernels.mjs';
import type { RunProcess } from '../../build/setup/processes.mjs';

const CPU = 'tensorflow-2.21.0-cpu-linux-x64';
const CUDA = 'tensorflow-2.21.0-cuda-linux-x64';
const CPU_SHA256 = '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c';
const MACHINE = { platform: 'linux', arch: 'x64', glibc: '2.36' };
const HOUR = 60 * 60 * 1000;

let folder: string;
let engines: string;
let tools: string;
let said: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stepadapt-engine-'));
  engines = join(folder, 'engines');
  tools = join(folder, 'bin');
  said = [];
  for (const inputs of ['@tensorflow/tfjs-node-gpu/binding', 'node-api-headers/include']) {
    mkdirSync(join(folder, 'node_modules', inputs), { recursive: true });
  }
  mkdirSync(tools);
  for (const tool of ['g++', 'python3']) addTool(tool);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Puts a program on the search path; the fake machine below plays its part. */
function addTool(name: string) {
  writeFileSync(join(tools, name), '');
  chmodSync(join(tools, name), 0o755);
}

const ok = (stdout = '') => Promise.resolve({ code: 0, stdout, stderr: '' });
const broken = (stderr: string) => Promise.resolve({ code: 1, stdout: '', stderr });

type Step = 'pip' | 'download' | 'unpack' | 'compile' | 'load' | 'nvidia-smi';

/** A machine on which every tool works, except for those steps that the test breaks. */
function fakeMachine(breaks: (step: Step, detail: string) => string | null = () => null) {
  const steps: Step[] = [];
  const requirements: string[] = [];
  const valueAfter = (args: readonly string[], flag: string) => args[args.indexOf(flag) + 1] ?? '';
  const step = (name: Step, detail: string, work: () => string) => {
    steps.push(name);
    const error = breaks(name, detail);
    return error === null ? ok(work()) : broken(error);
  };
  const run: RunProcess = (command, args) => {
    if (args[0] === '--version') return ok('g++ 12');
    if (command === 'nvidia-smi') return step('nvidia-smi', '', () => 'GPU 0: Some GPU (UUID: GPU-1)\n');
    if (args[2] === '--version') return step('pip', '', () => 'pip 23.2.1 from /somewhere (python 3.11)\n');
    if (args[2] === 'download') {
      const requirement = readFileSync(valueAfter(args, '--requirement'), 'utf8').trim();
      return step('download', requirement, () => {
        requirements.push(requirement);
        const [project = '', version = ''] = requirement.split(' ')[0]?.split('==') ?? [];
        return downloadTo(valueAfter(args, '--dest'), project, version);
      });
    }
    if (command === 'python3') return step('unpack', args[2] ?? '', () => unpackTo(args[3] ?? ''));
    if (command === 'g++') {
      const target = valueAfter(args, '-o');
      const content = target.includes('kernels') ? 'operations' : 'binding';
      return step('compile', target, () => (writeFileSync(target, content), ''));
    }
    return step('load', args[2] ?? '', () => '2.21.0');
  };
  return { run, steps, requirements };
}

/** pip names the file by the wheel's tags; only the right tags let the set-up find it again. */
function downloadTo(destination: string, project: string, version: string) {
  const tags = project.startsWith('nvidia') ? null : 'cp311-cp311-manylinux_2_27_x86_64';
  mkdirSync(destination, { recursive: true });
  if (tags !== null)
    writeFileSync(join(destination, `${project.replaceAll('-', '_')}-${version}-${tags}.whl`), 'wheel');
  return '';
}

function unpackTo(target: string) {
  const libraries = ['tensorflow/libtensorflow_cc.so.2', 'tensorflow/libtensorflow_framework.so.2'];
  for (const library of libraries) {
    mkdirSync(dirname(join(target, library)), { recursive: true });
    writeFileSync(join(target, library), `contents of ${basename(library)}`);
  }
  return [...libraries, 'tensorflow/include/tensorflow/c/c_api.h'].join('\n');
}

function ensure(run: RunProcess, more: Partial<Parameters<typeof ensureNativeEngine>[0]> = {}) {
  return ensureNativeEngine({
    root: folder,
    choice: 'auto',
    retry: false,
    say: (line) => said.push(line),
    progress: { update: () => undefined, done: () => undefined },
    env: { PATH: tools, STEPADAPT_ENGINE_HOME: engines },
    machine: MACHINE,
    run,
    ...more,
  });
}

const readJson = (...path: string[]): unknown => JSON.parse(readFileSync(join(engines, ...path), 'utf8'));

describe('ensureNativeEngine', () => {
  it('installs the engine, records it and makes it the active one', async () => {
    const machine = fakeMachine();
    const outcome = await ensure(machine.run);
    expect(outcome).toMatchObject({ changed: true, missing: null, engine: { variant: CPU, device: 'cpu' } });
    expect(machine.requirements).toEqual([`tensorflow-cpu==2.21.0 --hash=sha256:${CPU_SHA256}`]);
    expect(readJson('active.json')).toEqual({ folder: CPU });
    expect(readJson(CPU, 'manifest.json')).toEqual({
      variant: CPU,
      tensorflow: '2.21.0',
      binding: join(engines, CPU, 'tfjs_binding.node'),
      kernels: join(engines, CPU, kernelsFile()),
      device: 'cpu',
      files: {
        'tensorflow/libtensorflow_cc.so.2': 'contents of libtensorflow_cc.so.2'.length,
        'tensorflow/libtensorflow_framework.so.2': 'contents of libtensorflow_framework.so.2'.length,
        'tfjs_binding.node': 'binding'.length,
        [kernelsFile()]: 'operations'.length,
      },
    });
    expect(readdirSync(engines).sort()).toEqual(['active.json', CPU]);
    expect(readFileSync(join(engines, CPU, kernelsFile()), 'utf8')).toBe('operations');
  });

  it('compiles the kernels of an engine that was installed without them, or with those of other sources', async () => {
    await ensure(fakeMachine().run);
    const manifest = readJson(CPU, 'manifest.json') as { kernels?: string; files: Record<string, number> };
    const other = join(engines, CPU, 'stepadapt_kernels-000000000000.node');
    writeFileSync(other, 'old');
    for (const [kernels, files] of [
      [undefined, { 'tfjs_binding.node': 7 }],
      [other, { 'tfjs_binding.node': 7, [basename(other)]: 3 }],
    ] as const) {
      writeFileSync(join(engines, CPU, 'manifest.json'), JSON.stringify({ ...manifest, kernels, files }));
      const machine = fakeMachine();
      const { engine } = await ensure(machine.run);
      expect(machine.steps).toEqual(['compile', 'load']);
      expect(engine?.kernels).toBe(join(engines, CPU, kernelsFile()));
      expect(engine?.files).toEqual({ 'tfjs_binding.node': 7, [kernelsFile()]: 'operations'.length });
    }
  });

  it.each([
    ['compile', 'error: unknown attribute'],
    ['load', 'Illegal instruction'],
  ] as const)(
    'goes on without kernels when "%s" fails for them, and does not try again at once',
    async (failing, message) => {
      let calls = 0;
      const machine = fakeMachine((step) => (step === failing && ++calls > 1 ? message : null));
      const { engine, missing } = await ensure(machine.run);
      expect([engine?.variant, engine?.kernels, missing]).toEqual([CPU, undefined, null]);
      expect(said.at(-1)).toContain(message);
      expect(readdirSync(join(engines, CPU)).filter((name) => name.includes('kernels'))).toEqual([]);
      const again = fakeMachine();
      expect((await ensure(again.run)).engine?.kernels).toBeUndefined();
      expect(again.steps).toEqual([]);
      expect((await ensure(again.run, { retry: true })).engine?.kernels).toBe(join(engines, CPU, kernelsFile()));
    },
  );

  it('starts no program when the engine is there', async () => {
    await ensure(fakeMachine().run);
    const machine = fakeMachine();
    expect(await ensure(machine.run)).toMatchObject({ changed: false, engine: { variant: CPU } });
    expect(machine.steps).toEqual([]);
  });

  it('does not look for an engine that is not wanted', async () => {
    const machine = fakeMachine();
    expect(await ensure(machine.run, { choice: 'none' })).toEqual({ engine: null, changed: false, missing: null });
    expect(machine.steps).toEqual([]);
  });

  it('names a machine for which there is no library', async () => {
    const windows = { platform: 'win32', arch: 'x64', glibc: null };
    const outcome = await ensure(fakeMachine().run, { machine: windows });
    expect(outcome).toEqual({ engine: null, changed: false, missing: 'none is made for win32 x64' });
  });

  it('names the missing tool and goes on as soon as it is there', async () => {
    rmSync(join(tools, 'g++'));
    expect((await ensure(fakeMachine().run)).missing).toContain('no C++ compiler');
    addTool('g++');
    rmSync(join(tools, 'python3'));
    expect((await ensure(fakeMachine().run)).missing).toBe('no Python 3');
    rmSync(join(tools, 'g++'));
    expect((await ensure(fakeMachine().run)).missing).toMatch(/^no C\+\+ compiler .* and no Python 3$/);
    addTool('g++');
    addTool('python3');
    const withoutPip = fakeMachine((step) => (step === 'pip' ? 'No module named pip' : null));
    expect((await ensure(withoutPip.run)).missing).toBe('python3 has no pip');
    expect((await ensure(fakeMachine().run)).engine?.variant).toBe(CPU);
  });

  it('remembers a failed download for an hour, unless asked to try again', async () => {
    const offline = () => fakeMachine((step) => (step === 'download' ? 'ERROR: network is unreachable' : null));
    const at = (hours: number) => ({ now: () => Date.UTC(2026, 0, 1) + hours * HOUR });
    const first = await ensure(offline().run, at(0));
    expect(first.missing).toBe('tensorflow-cpu could not be downloaded: ERROR: network is unreachable');

    const second = offline();
    expect((await ensure(second.run, at(0.5))).missing).toContain('network is unreachable; tried 30 min ago');
    expect(second.steps).toEqual([]);

    const asked = offline();
    await ensure(asked.run, { ...at(0.6), retry: true });
    expect(asked.steps).toContain('download');

    expect((await ensure(fakeMachine().run, at(1.7))).engine?.variant).toBe(CPU);
    expect(readdirSync(engines).sort()).toEqual(['active.json', CPU]);
  });

  it.each([
    ['compile', 'error: unknown type'],
    ['load', 'Illegal instruction'],
    ['unpack', 'BadZipFile'],
  ] as const)('leaves no engine behind when the step "%s" fails', async (failing, message) => {
    const outcome = await ensure(fakeMachine((step) => (step === failing ? message : null)).run);
    expect(outcome.engine).toBeNull();
    expect(outcome.missing).toContain(message);
    expect(existsSync(join(engines, CPU))).toBe(false);
    expect(existsSync(join(engines, 'active.json'))).toBe(false);
    expect(readdirSync(engines).filter((name) => name.startsWith('.staging'))).toEqual([]);
  });

  it('rebuilds an engine with a truncated library or without a manifest', async () => {
    await ensure(fakeMachine().run);
    const library = join(engines, CPU, 'tensorflow', 'libtensorflow_cc.so.2');
    writeFileSync(library, 'half');
    expect(await ensure(fakeMachine().run)).toMatchObject({ changed: true });
    expect(readFileSync(library, 'utf8')).toBe('contents of libtensorflow_cc.so.2');

    rmSync(join(engines, CPU, 'manifest.json'));
    expect(await ensure(fakeMachine().run)).toMatchObject({ changed: true });
    expect(existsSync(join(engines, CPU, 'manifest.json'))).toBe(true);
  });

  it('clears away what a killed set-up left', async () => {
    mkdirSync(join(engines, '.staging-1'), { recursive: true });
    await ensure(fakeMachine().run);
    expect(existsSync(join(engines, '.staging-1'))).toBe(false);
  });

  it('falls back to the CPU library when the one for the GPU cannot be had', async () => {
    addTool('nvidia-smi');
    const machine = fakeMachine((step, detail) => (step === 'download' && detail.startsWith('nvidia') ? 'gone' : null));
    const outcome = await ensure(machine.run);
    expect(outcome.engine?.variant).toBe(CPU);
    expect(readdirSync(engines)).toContain(`${CUDA}.failed.json`);
  });

  it('switches between installed engines without installing again', async () => {
    await ensure(fakeMachine().run);
    mkdirSync(join(engines, CUDA));
    const binding = join(engines, CUDA, 'tfjs_binding.node');
    writeFileSync(binding, 'cuda');
    const files = { 'tfjs_binding.node': 4 };
    const manifest = { variant: CUDA, tensorflow: '2.21.0', binding, device: 'cuda', files };
    writeFileSync(join(engines, CUDA, 'manifest.json'), JSON.stringify(manifest));

    const machine = fakeMachine();
    expect(await ensure(machine.run, { choice: 'cuda' })).toMatchObject({ changed: true, engine: { device: 'cuda' } });
    expect(readJson('active.json')).toEqual({ folder: CUDA });
    expect(await ensure(machine.run)).toMatchObject({ changed: false, engine: { device: 'cuda' } });
    expect(await ensure(machine.run, { choice: 'cpu' })).toMatchObject({ changed: true, engine: { device: 'cpu' } });
    expect(machine.steps).toEqual([]);
  });
});
