/** The five places of the window, in the order of the work. */
export const PLACES = [
  { name: 'start', title: 'Start', needsProject: false },
  { name: 'design', title: 'Design', needsProject: true },
  { name: 'run', title: 'Run', needsProject: true },
  { name: 'experts', title: 'Experts', needsProject: true },
  { name: 'results', title: 'Results', needsProject: true },
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
