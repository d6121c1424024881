/** The five places of the window, in the order of the work. */
export const PLACES = [
  { name: 'start', title: 'Start', needsProject: false },
  { name: 'design', title: 'Design', needsProject: true },
  { name: 'run', title: 'Run', needsProject: true },
  { name: 'experts', title: 'Experts', needsProject: true },
  { name: 'results', title: 'Results', needsProject: true },
] as const;

/** Keys that work in every place; Cmd stands for Ctrl on a Mac. */
export const KEYS = [
  { keys: 'Ctrl 1 to 5', does: 'go to a place' },
  { keys: 'Ctrl K', does: 'find a command, a place or a project' },
  { keys: 'Ctrl Z, Ctrl Shift Z', does: 'undo and redo in the design' },
  {
    keys: 'Arrow keys',
    does: 'in a chart: read its points; on a group border: move it; in samples: walk through steps',
  },
  { keys: 'Ctrl and wheel', does: 'in the loss chart: zoom; dragging pans' },
  { keys: 'Esc', does: 'leave a chart, close a menu or a picture' },
  { keys: '?', does: 'show this list' },
] as const;

/** `experts/2` as people read it. */
export function stageTitle(id: string): string {
  const expert = /^experts\/(\d+)$/.exec(id);
  if (expert) return `Expert ${expert[1]}`;
  return (
    { base: 'Base', grouping: 'Groups', uniform: 'Uniform', features: 'Features', evaluation: 'Evaluation' }[id] ?? id
  );
}

/** Tone of a state's tag, and its word. */
export function stateTone(state: string): 'good' | 'warn' | 'bad' | 'accent' | '' {
  if (state === 'done' || state === 'finished') return 'good';
  if (state === 'running' || state === 'starting') return 'accent';
  if (state === 'failed' || state === 'broken' || state === 'missing') return 'bad';
  if (['stale', 'interrupted', 'paused', 'pausing', 'stopping'].includes(state)) return 'warn';
  return '';
}
