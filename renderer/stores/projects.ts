import { computed, ref, shallowRef } from 'vue';
import { defineStore } from 'pinia';
import type { CommandParams, CommandValue } from '../../src/contract/api.js';
import type { ProjectSummary, ProjectView } from '../../src/contract/projectViews.js';
import { ask, useTransport } from '../transport/useTransport.js';
import { useNoticesStore } from './notices.js';

/** The list of recent projects, the presets, and the project that is open. */
export const useProjectsStore = defineStore('projects', () => {
  const transport = useTransport();
  const notices = useNoticesStore();
  const recent = ref<readonly ProjectSummary[] | null>(null);
  const presets = ref<CommandValue<'presets.list'>>([]);
  const current = shallowRef<ProjectView | null>(null);
  const currentId = computed(() => current.value?.id ?? null);

  async function loadRecent(): Promise<void> {
    recent.value = await ask(transport, 'projects.recent', {});
  }

  async function loadPresets(): Promise<void> {
    presets.value = await ask(transport, 'presets.list', {});
  }

  /** Opens a project by id or path; the one already open is read again. @throws CommandError */
  async function open(params: CommandParams<'projects.open'>): Promise<ProjectView> {
    const project = await ask(transport, 'projects.open', params);
    current.value = project;
    void loadRecent().catch(notices.report);
    return project;
  }

  /** @throws CommandError */
  async function create(params: CommandParams<'projects.create'>): Promise<ProjectView> {
    const project = await ask(transport, 'projects.create', params);
    current.value = project;
    void loadRecent().catch(notices.report);
    return project;
  }

  async function forget(id: string): Promise<void> {
    await ask(transport, 'projects.forget', { id });
    await loadRecent();
  }

  /** Replaces the notes of a project. @throws CommandError */
  async function annotate(id: string, notes: CommandParams<'projects.annotate'>['notes']): Promise<void> {
    replace(await ask(transport, 'projects.annotate', { id, notes }));
  }

  function replace(project: ProjectView): void {
    if (project.id === current.value?.id) current.value = project;
  }

  return { recent, presets, current, currentId, loadRecent, loadPresets, open, create, forget, annotate, replace };
});
