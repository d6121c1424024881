import { computed, ref, shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { CommandValue, Result } from '../../src/contract/api.js';
import type { ErrorDetails } from '../../src/contract/errors.js';
import type { DesignView, FieldProblem, Preview, ProjectView } from '../../src/contract/projectViews.js';
import { getPath, setPath } from '../lib/configPath.js';
import { record, redo, seal, startHistory, undo, type History } from '../lib/history.js';
import { ask, useTransport } from '../transport/useTransport.js';
import { useNoticesStore } from './notices.js';
import { useProjectsStore } from './projects.js';

type Config = Readonly<Record<string, unknown>>;

/** Where the form stands against the file on disk. */
export type Saving = 'saved' | 'waiting' | 'saving' | 'refused';

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
  /** Why the newest experiment is not on disk although it is valid: a full disk, a project that is gone. */
  const saveProblem = shallowRef<ErrorDetails | null>(null);
  let saveTimer: ReturnType<typeof setTimeout> | undefined;
  /** One question at a time: what is edited meanwhile is asked about when the answer is there. */
  let asking = false;

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
    saveProblem.value = null;
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
    void preview();
    clearTimeout(saveTimer);
    saveTimer = setTimeout(() => void save(), SAVE_DELAY_MS);
  }

  /** Plans the newest config, at once; during a drag as often as the host answers. */
  async function preview(): Promise<void> {
    if (asking) return;
    asking = true;
    try {
      let planned: Config | null = null;
      while (planned !== config.value) {
        planned = config.value;
        show(await transport.call('design.preview', { config: { ...planned } }));
      }
    } finally {
      asking = false;
    }
  }

  function show(answer: Result<Preview>): void {
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
      saveProblem.value = answer.error.code === 'CONFIG_INVALID' ? null : answer.error;
      return;
    }
    saveProblem.value = null;
    projects.replace(answer.value);
    saving.value = sent === config.value ? 'saved' : 'waiting';
  }

  /** Saves now what waits to be saved: before a run starts and before another project is opened. */
  async function flush(): Promise<void> {
    clearTimeout(saveTimer);
    if (saving.value !== 'saved') await save();
  }

  async function forecast(): Promise<CommandValue<'design.forecast'> | null> {
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
    saveProblem,
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
