// Checks that an unpacked build has its parts: node build/verifyPackage.mjs [release/linux-unpacked]
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getRawHeader } from '@electron/asar';

/** What the archive must hold: the host's rights and the page. */
const IN_ARCHIVE = ['package.json', 'dist/electron/main.js', 'dist/electron/preload.cjs', 'dist/renderer/index.html'];

/** What must lie beside it as plain files: the program that the engine's own Node runs. */
const BESIDE_ARCHIVE = [
  'package.json',
  'build/stepadapt.mjs',
  'dist/src/cli/main.js',
  'dist/src/jobs/engineProcess.js',
  'node_modules/@tensorflow/tfjs-core/package.json',
  'node_modules/@tensorflow/tfjs-backend-wasm/package.json',
  'node_modules/sharp/package.json',
  'node_modules/zod/package.json',
];

/** Nothing of these may be in a package. */
const UNWANTED = [
  'node_modules/electron',
  'node_modules/electron-builder',
  'node_modules/vitest',
  'node_modules/typescript',
];

/**
 * @param {string} unpacked folder such as `release/linux-unpacked`, or `release/mac/StepAdapt Studio.app`
 * @returns {string[]} what is wrong, one sentence each; empty for a good build
 */
export function problemsOfPackage(unpacked) {
  const resources = [join(unpacked, 'Contents', 'Resources'), join(unpacked, 'resources')].find((path) =>
    existsSync(path),
  );
  if (resources === undefined) return [`${unpacked} has no resources: it is no unpacked build`];
  const beside = join(resources, 'app.asar.unpacked');
  return [
    ...archiveProblems(join(resources, 'app.asar')),
    ...BESIDE_ARCHIVE.filter((path) => !existsSync(join(beside, path))).map(
      (path) => `app.asar.unpacked/${path} is missing`,
    ),
    ...UNWANTED.filter((path) => existsSync(join(beside, path))).map(
      (path) => `app.asar.unpacked/${path} is for developers`,
    ),
    ...nodeProblems(join(resources, 'node', 'bin')),
    ...engineProblems(join(resources, 'engines')),
  ];
}

/** @type {(archive: string) => string[]} */
function archiveProblems(archive) {
  if (!existsSync(archive)) return ['app.asar is missing'];
  const { header } = getRawHeader(archive);
  return IN_ARCHIVE.filter((path) => !isInArchive(/** @type {ArchiveFolder} */ (header), path.split('/'))).map(
    (path) => `app.asar/${path} is missing`,
  );
}

/** @typedef {{ files?: Record<string, ArchiveFolder> }} ArchiveFolder */

/** @type {(folder: ArchiveFolder, path: string[]) => boolean} */
function isInArchive(folder, [name, ...rest]) {
  const entry = name === undefined ? undefined : folder.files?.[name];
  return entry !== undefined && (rest.length === 0 || isInArchive(entry, rest));
}

/** @type {(folder: string) => string[]} */
function nodeProblems(folder) {
  const name = ['node', 'node.exe'].find((file) => existsSync(join(folder, file)));
  if (name === undefined) return ['node/bin/node is missing'];
  const isExecutable = name === 'node.exe' || (statSync(join(folder, name)).mode & 0o111) !== 0;
  return isExecutable ? [] : ['node/bin/node is not executable'];
}

/**
 * A package may come without a native engine, but not with half of one.
 * @type {(folder: string) => string[]}
 */
function engineProblems(folder) {
  if (!existsSync(folder) || readdirSync(folder).length === 0) return [];
  try {
    const { folder: name } = JSON.parse(readFileSync(join(folder, 'active.json'), 'utf8'));
    const { binding, files } = JSON.parse(readFileSync(join(folder, name, 'manifest.json'), 'utf8'));
    const missing = [binding, ...Object.keys(files)].filter((path) => !existsSync(join(folder, name, path)));
    return missing.map((path) => `engines/${name}/${path} is missing`);
  } catch (error) {
    return [`engines is damaged: ${error instanceof Error ? error.message : String(error)}`];
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const unpacked = process.argv[2] ?? join('release', 'linux-unpacked');
  const problems = problemsOfPackage(unpacked);
  for (const problem of problems) console.error(`verify:package: ${problem}`);
  console.error(
    problems.length === 0 ? `verify:package: ${unpacked} is whole` : `verify:package: ${problems.length} problems`,
  );
  process.exitCode = problems.length === 0 ? 0 : 1;
}
