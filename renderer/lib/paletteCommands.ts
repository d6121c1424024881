import type { JobView } from '../../src/contract/jobs.js';
import type { ProjectSummary } from '../../src/contract/projectViews.js';
import { PLACES } from './places.js';

export interface PaletteCommand {
  readonly id: string;
  readonly title: string;
  readonly keys?: string;
  readonly note?: string;
  readonly run: () => void;
}

/** What the palette is made of: the state of the window, and what can be done to it. */
export interface PaletteContext {
  readonly projectId: string | null;
  readonly recent: readonly ProjectSummary[];
  readonly can: JobView['can'] | null;
  readonly dark: boolean;
  readonly canUndo: boolean;
  readonly canRedo: boolean;
  readonly go: (place: string, id?: string) => void;
  readonly runCommand: (name: 'runs.start' | 'runs.pause' | 'runs.stop') => void;
  readonly undo: () => void;
  readonly redo: () => void;
  readonly setTheme: (theme: 'system' | 'light' | 'dark') => void;
  readonly toggleQueue: () => void;
  readonly showKeys: () => void;
}

/** Commands that can be given now, in the order of likelihood. */
export function paletteCommands(context: PaletteContext): PaletteCommand[] {
  const { projectId, can, go } = context;
  const places: PaletteCommand[] = PLACES.flatMap(({ name, title, needsProject }, index) => {
    if (needsProject && projectId === null) return [];
    const run = () => go(name, needsProject && projectId !== null ? projectId : undefined);
    return [{ id: `place-${name}`, title: `Go to ${title}`, keys: `Ctrl ${index + 1}`, run }];
  });
  const jobs: PaletteCommand[] =
    projectId === null
      ? []
      : [
          ...(can === null || can.start
            ? [{ id: 'start', title: 'Start or go on with the run', run: () => context.runCommand('runs.start') }]
            : []),
          ...(can?.pause ? [{ id: 'pause', title: 'Pause the run', run: () => context.runCommand('runs.pause') }] : []),
          ...(can?.stop ? [{ id: 'stop', title: 'Stop the run', run: () => context.runCommand('runs.stop') }] : []),
        ];
  const edits: PaletteCommand[] = [
    ...(context.canUndo ? [{ id: 'undo', title: 'Undo the last edit', keys: 'Ctrl Z', run: context.undo }] : []),
    ...(context.canRedo ? [{ id: 'redo', title: 'Redo', keys: 'Ctrl Shift Z', run: context.redo }] : []),
  ];
  const projects: PaletteCommand[] = context.recent
    .filter(({ state }) => state !== 'missing' && state !== 'broken')
    .map(({ id, name, state }) => ({
      id: `open-${id}`,
      title: `Open ${name}`,
      note: state,
      run: () => go('design', id),
    }));
  return [
    ...jobs,
    ...places,
    ...edits,
    ...projects,
    { id: 'queue', title: 'Show or hide the queue', run: context.toggleQueue },
    {
      id: 'theme',
      title: context.dark ? 'Use light colours' : 'Use dark colours',
      run: () => context.setTheme(context.dark ? 'light' : 'dark'),
    },
    { id: 'theme-system', title: "Follow the system's colours", run: () => context.setTheme('system') },
    { id: 'keys', title: 'Show the keys', keys: '?', run: context.showKeys },
    { id: 'settings', title: 'Settings', run: () => go('settings') },
  ];
}

/** Whether every word of the query begins somewhere in the title. */
export function matches({ title }: PaletteCommand, query: string): boolean {
  const text = title.toLowerCase();
  return query
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
