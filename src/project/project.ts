import { mkdir, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { configSchema, type ExperimentConfig } from '../contract/config.js';
import { failure, inputError } from '../contract/errors.js';
import { readInputFile } from '../formats/inputFile.js';
import { parseJson } from '../formats/json.js';
import { PROJECT_VERSION, projectFileSchema, type ProjectFile } from '../contract/project.js';
import { writeJsonAtomic } from './atomicFile.js';
import { safeParse } from '../contract/safeParse.js';

/** An open project: what its file says, and where it lies. */
export interface Project {
  readonly folder: string;
  /** Path of the `.stepadapt` file. */
  readonly path: string;
  readonly file: ProjectFile;
}

const EXTENSION = '.stepadapt';
/** A config has a few kilobytes. */
const MAX_PROJECT_BYTES = 2 ** 20;
/** Faults named in one message. */
const MAX_PROBLEMS = 12;
/** Names that are devices or are changed on Windows; a project must be able to travel there. */
const WINDOWS_RESERVED = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)|[. ]$/i;

/**
 * Makes a project folder with its file. The folder may exist when it holds no project; other files in it are left alone.
 * @throws `PROJECT_EXISTS`, `PROJECT_NAME_INVALID`
 */
export async function createProject(
  folder: string,
  options: { name?: string; preset: string | null; config: ExperimentConfig; now?: Date },
): Promise<Project> {
  const absolute = resolve(folder);
  const name = options.name ?? basename(absolute);
  if (!/^[^\\/:*?"<>|\p{Cc}]{1,100}$/u.test(name) || name.startsWith('.') || WINDOWS_RESERVED.test(name)) {
    throw inputError(
      'PROJECT_NAME_INVALID',
      `"${name}" cannot be a project's name`,
      'use letters, digits, spaces, - and _, no dot at either end, and no name of a Windows device',
    );
  }
  const existing = await findProjectFile(absolute);
  if (existing !== null) {
    throw inputError(
      'PROJECT_EXISTS',
      `${absolute} already holds the project ${existing}`,
      'choose another folder, or go on with `run`',
    );
  }
  await mkdir(absolute, { recursive: true });
  const file: ProjectFile = {
    format: 'stepadapt-project',
    version: PROJECT_VERSION,
    name,
    createdAt: (options.now ?? new Date()).toISOString(),
    preset: options.preset,
    config: options.config,
  };
  const path = join(absolute, `${name}${EXTENSION}`);
  await writeJsonAtomic(path, file);
  return { folder: absolute, path, file };
}

/**
 * Opens a project by its folder or its file. Nothing is written.
 * @throws `PROJECT_NOT_FOUND`, `PROJECT_AMBIGUOUS`, `PROJECT_CORRUPT`, `PROJECT_NEWER`, `CONFIG_INVALID`
 */
export async function openProject(path: string): Promise<Project> {
  const filePath = await resolveProjectFile(path);
  let raw: unknown;
  try {
    raw = parseJson((await readInputFile(filePath, { maxBytes: MAX_PROJECT_BYTES })).toString('utf8'));
  } catch (cause) {
    throw inputError(
      'PROJECT_CORRUPT',
      `${filePath} is not readable as JSON`,
      'restore the file from a copy; the folders beside it were not touched',
      { cause },
    );
  }
  const head = safeParse(z.object({ format: z.literal('stepadapt-project'), version: z.number().int() }), raw);
  if (!head.success) {
    throw inputError(
      'PROJECT_CORRUPT',
      `${filePath} is not a StepAdapt project`,
      'choose a file made by `stepadapt new`',
    );
  }
  if (head.data.version > PROJECT_VERSION) {
    throw inputError(
      'PROJECT_NEWER',
      `${filePath} was written by a newer version (project format ${head.data.version}, this one knows ${PROJECT_VERSION})`,
      'update StepAdapt Studio; the project was not changed',
    );
  }
  const parsed = safeParse(projectFileSchema, raw);
  if (!parsed.success) throw configError(filePath, parsed.error);
  return { folder: dirname(filePath), path: filePath, file: parsed.data };
}

/** Replaces the experiment of a project. */
export async function saveConfig(project: Project, config: ExperimentConfig): Promise<Project> {
  const file = { ...project.file, config };
  await writeJsonAtomic(project.path, file);
  return { ...project, file };
}

/**
 * Checks an experiment given by a person.
 * @throws `CONFIG_INVALID`, naming each field and its range
 */
export function parseConfig(raw: unknown, where = 'the config'): ExperimentConfig {
  const parsed = safeParse(configSchema, raw);
  if (!parsed.success) throw configError(where, parsed.error);
  return parsed.data;
}

function configError(where: string, error: z.ZodError): Error {
  const named = error.issues.slice(0, MAX_PROBLEMS).map((issue) => {
    const field = issue.path.filter((part) => part !== 'config').join('.');
    return field === '' ? issue.message : `${field}: ${issue.message}`;
  });
  const count = error.issues.length;
  const problems = count > named.length ? [...named, `and ${count - named.length} more`] : named;
  return inputError(
    'CONFIG_INVALID',
    `${where} has ${count === 1 ? 'an invalid field' : `${count} invalid fields`}: ${problems.join('; ')}`,
    'correct the named fields; docs/config.md lists every field with its range',
  );
}

async function findProjectFile(folder: string): Promise<string | null> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') {
      throw inputError('PROJECT_NOT_A_FOLDER', `${folder} is a file`, 'give the path of a folder');
    }
    throw failure('PROJECT_UNREADABLE', `${folder} cannot be read`, 'check the permissions of that path', {
      cause: error,
    });
  }
  const files = names.filter((name) => name.endsWith(EXTENSION));
  if (files.length > 1) {
    throw inputError(
      'PROJECT_AMBIGUOUS',
      `${folder} holds ${files.length} project files (${files.join(', ')})`,
      'name one of the files',
    );
  }
  return files[0] ?? null;
}

async function resolveProjectFile(path: string): Promise<string> {
  const absolute = resolve(path);
  const info = await stat(absolute).catch(() => null);
  if (info === null) {
    throw inputError('PROJECT_NOT_FOUND', `${absolute} does not exist`, 'make a project with `stepadapt new DIR`');
  }
  if (info.isFile()) return absolute;
  const name = await findProjectFile(absolute);
  if (name === null) {
    throw inputError(
      'PROJECT_NOT_FOUND',
      `${absolute} holds no .stepadapt file`,
      'give the folder of a project, or make one with `stepadapt new DIR`',
    );
  }
  return join(absolute, name);
}
