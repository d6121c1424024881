import type { CommandName } from '../contract/api.js';

const READING: ReadonlySet<string> = new Set<CommandName>([
  'app.info',
  'app.resources',
  'engines.list',
  'presets.list',
  'projects.recent',
  'projects.browse',
  'projects.open',
  'projects.verify',
  'design.preview',
  'design.schema',
  'data.preview',
  'runs.snapshot',
  'checkpoints.list',
  'experts.get',
  'results.get',
  'report.list',
  'compare',
  'compare.metrics',
  'exports.csv',
  'exports.figure',
  'queue.list',
  'settings.get',
  'languageModelKey.get',
]);

/** Whether a command leaves projects, queue and settings as they are. Opening adds a project to the list at most. */
export function changesNothing(name: string): boolean {
  return READING.has(name);
}
