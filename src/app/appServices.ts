import type { CheckedParams, CommandName, CommandValue } from '../contract/api.js';
import type { SpawnEngine } from '../jobs/spawnEngine.js';
import type { Roots } from './confinement.js';
import type { EventHub } from './eventHub.js';
import type { Project } from '../project/project.js';
import type { ProjectRegistry } from './projectRegistry.js';
import type { RunFeed } from './runFeed.js';
import type { SettingsStore } from './settingsStore.js';
import type { LiveProject } from './viewProject.js';

/** What carries out each command. */
export type Handlers = {
  readonly [N in CommandName]: (params: CheckedParams<N>) => CommandValue<N> | Promise<CommandValue<N>>;
};

/** What the commands share. */
export interface AppServices {
  readonly registry: ProjectRegistry;
  readonly roots: Roots;
  /** Where new projects go unless somebody says otherwise. */
  readonly projectsFolder: string;
  readonly settings: SettingsStore;
  readonly hub: EventHub;
  readonly spawn: SpawnEngine;
  readonly now: () => Date;
  /** By path of the `.stepadapt` file. */
  readonly live: (path: string) => LiveProject;
  /** What the runs of a project say and said. */
  readonly feedOf: (project: Project) => RunFeed;
}
