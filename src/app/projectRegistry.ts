import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { inputError } from '../contract/errors.js';
import { openProject, type Project } from '../project/project.js';
import { confinePath, type Roots } from './confinement.js';
import { readOwnFile, writeOwnFile } from './jsonFile.js';

const registrySchema = z.strictObject({
  format: z.literal('stepadapt-projects'),
  version: z.literal(1),
  projects: z.array(z.strictObject({ id: z.string(), path: z.string(), name: z.string(), openedAt: z.iso.datetime() })),
});

export interface KnownProject {
  readonly id: string;
  /** Of the `.stepadapt` file. */
  readonly path: string;
  readonly name: string;
  readonly openedAt: string;
}

const KEPT = 100;

/** The same file has the same id in every life of the program. */
export function projectId(path: string): string {
  return createHash('sha256').update(path).digest('hex').slice(0, 16);
}

/** The projects that were opened here, newest first. Ids stand for their paths, which windows never send back. */
export class ProjectRegistry {
  private known: KnownProject[] = [];
  private loaded: Promise<void> | null = null;

  constructor(
    private readonly path: string,
    private readonly roots: Roots,
    private readonly now: () => Date,
  ) {}

  async list(): Promise<readonly KnownProject[]> {
    await this.load();
    return this.known;
  }

  /** Opens by path, within the roots, and remembers. */
  async openPath(path: string): Promise<{ id: string; project: Project }> {
    await this.load();
    const project = await openProject(await confinePath(path, this.roots));
    const id = projectId(project.path);
    const entry = { id, path: project.path, name: project.file.name, openedAt: this.now().toISOString() };
    this.known = [entry, ...this.known.filter((other) => other.id !== id)].slice(0, KEPT);
    await this.save();
    return { id, project };
  }

  /** @throws `PROJECT_UNKNOWN`, and whatever opening throws */
  async open(id: string): Promise<Project> {
    await this.load();
    const entry = this.known.find((other) => other.id === id);
    if (entry === undefined)
      throw inputError('PROJECT_UNKNOWN', 'this project was not opened here', 'open it by its path');
    return openProject(await confinePath(entry.path, this.roots));
  }

  async forget(id: string): Promise<void> {
    await this.load();
    this.known = this.known.filter((entry) => entry.id !== id);
    await this.save();
  }

  /** Project files in the roots and their subfolders, two levels deep. */
  async browse(): Promise<{ path: string; name: string }[]> {
    const found = await Promise.all((this.roots ?? []).map((root) => projectFiles(root, 2)));
    return found.flat().map((path) => ({
      path,
      name: path
        .split(/[\\/]/)
        .at(-1)!
        .replace(/\.stepadapt$/, ''),
    }));
  }

  private load(): Promise<void> {
    this.loaded ??= readOwnFile(this.path, registrySchema, {
      format: 'stepadapt-projects',
      version: 1,
      projects: [],
    }).then(({ projects }) => void (this.known = projects));
    return this.loaded;
  }

  private async save(): Promise<void> {
    await writeOwnFile(this.path, { format: 'stepadapt-projects', version: 1, projects: this.known });
  }
}

async function projectFiles(folder: string, depth: number): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const here = entries.filter((entry) => entry.isFile() && entry.name.endsWith('.stepadapt'));
  const below = depth === 0 ? [] : entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  const inside = await Promise.all(below.map((entry) => projectFiles(join(folder, entry.name), depth - 1)));
  return [...here.map((entry) => join(folder, entry.name)), ...inside.flat()];
}
