import { computed, ref, shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { DesignView, FieldProblem, ProjectView } from '../../src/contract/projectViews.js';
import { getPath, setPath } from '../lib/configPath.js';
import { record, redo, seal, startHistory, undo, type History } from '../lib/history.js';
import { ask, useTransport } from '../transport/useTransport.js';
import { useNoticesStore } from './notices.js';
import { useProjectsStore } from './projects.js';

type Config = Readonly<Record<string, unknown>>;

/** Where the form stands against the file on disk. */
export type Saving = 'saved' | 'waiting' | 'saving' | 'refused';

/** Short enough to follow a drag, long enough to ask once for a burst of edits. */
const PREVIEW_DELAY_MS = 40;
const SAVE_DELAY_MS = 600;

/**
 * The experiment being edited. Every edit is one step of undo, is planned anew at once, and is saved by itself as soon as the
 * config is valid; an invalid one stays in the form and the file keeps the last valid one.
 */
export const useDesignStore = defineStore('design', () => {
  const transport = useTransport();
  const notices = useNoticesStore();
  const projects = useProjectsStore();
  const projectId = ref<string | null>(null);
  const history = shallowRef<History<Config>>(startHistory<Config>({}));
  /** The newest design that could be built: it stays in view while an edit is invalid. */
  const design = shallowRef<DesignView | null>(null);
  const problems = shallowRef<readonly FieldProblem[]>([]);
  const saving = ref<Saving>('saved');
  let previewTimer: ReturnType<typeof setTimeout> | undefined;
  let saveTimer: ReturnType<typeof setTimeout> | undefined;
  let asked = 0;

  const config = computed(() => history.value.present);
  const canUndo = computed(() => history.value.past.length > 0);
  const canRedo = computed(() => history.value.future.length > 0);

  async function load(project: ProjectView): Promise<void> {
    if (projectId.value === project.id) return;
    await flush();
    projectId.value = project.id;
    history.value = startHistory<Config>(project.config);
    design.value = null;
    problems.value = [];
    saving.value = 'saved';
    await preview();
  }

  /** Sets fields by dotted path. Edits with the same `key` in a row are one step of undo. */
  function edit(changes: Readonly<Record<string, unknown>>, key: string | null = null): void {
    const next = Object.entries(changes).reduce<Config>(
      (root, [path, value]) => setPath(root, path, value),
      config.value,
    );
    if (JSON.stringify(next) === JSON.stringify(config.value)) return;
    history.value = record(history.value, next, key);
    changed();
  }

  function endEdit(): void {
    history.value = seal(history.value);
  }

  function undoEdit(): void {
    if (!canUndo.value) return;
    history.value = undo(history.value);
    changed();
  }

  function redoEdit(): void {
    if (!canRedo.value) return;
    history.value = redo(history.value);
    changed();
  }

  function changed(): void {
    saving.value = 'waiting';
    clearTimeout(previewTimer);
    previewTimer = setTimeout(() => void preview(), PREVIEW_DELAY_MS);
    clearTimeout(saveTimer);
    saveTimer = setTimeout(() => void save(), SAVE_DELAY_MS);
  }

  async function preview(): Promise<void> {
    const turn = ++asked;
    const answer = await transport.call('design.preview', { config: { ...config.value } });
    if (turn !== asked) return;
    if (!answer.ok) {
      problems.value = [{ field: '', ...answer.error }];
      return;
    }
    problems.value = answer.value.problems;
    if (answer.value.design !== null) design.value = answer.value.design;
  }

  async function save(): Promise<void> {
    const id = projectId.value;
    if (id === null || saving.value === 'saved') return;
    const sent = config.value;
    saving.value = 'saving';
    const answer = await transport.call('projects.saveConfig', { id, config: { ...sent } });
    if (projectId.value !== id) return;
    if (!answer.ok) {
      saving.value = 'refused';
      if (problems.value.length === 0) problems.value = [{ field: '', ...answer.error }];
      return;
    }
    projects.replace(answer.value);
    saving.value = sent === config.value ? 'saved' : 'waiting';
  }

  /** Saves now what waits to be saved: before a run starts and before another project is opened. */
  async function flush(): Promise<void> {
    clearTimeout(saveTimer);
    if (saving.value !== 'saved') await save();
  }

  async function forecast(): Promise<{ seconds: number; peakBytes: number; diskBytes: number } | null> {
    if (projectId.value === null) return null;
    await flush();
    try {
      return await ask(transport, 'design.forecast', { id: projectId.value });
    } catch (error) {
      notices.report(error);
      return null;
    }
  }

  const field = (path: string): unknown => getPath(config.value, path);
  const problemAt = (path: string): FieldProblem | null =>
    problems.value.find((problem) => problem.field === path) ?? null;

  return {
    projectId,
    config,
    design,
    problems,
    saving,
    canUndo,
    canRedo,
    load,
    edit,
    endEdit,
    undoEdit,
    redoEdit,
    flush,
    forecast,
    field,
    problemAt,
  };
});
