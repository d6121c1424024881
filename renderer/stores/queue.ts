import { computed, ref } from 'vue';
import { defineStore } from 'pinia';
import type { CommandName, CommandParams } from '../../src/contract/api.js';
import type { JobView, QueueView } from '../../src/contract/jobs.js';
import { ask, useTransport } from '../transport/useTransport.js';
import { useNoticesStore } from './notices.js';

type QueueCommand = Extract<CommandName, `queue.${string}`>;

/** The overnight queue: the job at work and those that wait. */
export const useQueueStore = defineStore('queue', () => {
  const transport = useTransport();
  const notices = useNoticesStore();
  const queue = ref<QueueView>({ paused: false, jobs: [], interrupted: [] });
  const open = ref(false);
  const working = computed(() => queue.value.jobs.find(({ state }) => state !== 'queued') ?? null);
  const waiting = computed(() => queue.value.jobs.filter(({ state }) => state === 'queued'));

  async function load(): Promise<void> {
    queue.value = await ask(transport, 'queue.list', {});
  }

  async function command<N extends QueueCommand>(name: N, params: CommandParams<N>): Promise<void> {
    try {
      queue.value = await ask(transport, name, params);
    } catch (error) {
      notices.report(error);
    }
  }

  function replace(next: QueueView): void {
    queue.value = next;
  }

  /** What is known of a job; undefined for one that is not in the queue. */
  function stateOf(id: string): JobView['state'] | undefined {
    return queue.value.jobs.find((job) => job.id === id)?.state;
  }

  /** A job of the queue moved on; one that is new or over comes with the next list. */
  function update(job: JobView): void {
    const jobs = queue.value.jobs.map((known) => (known.id === job.id ? job : known));
    queue.value = { ...queue.value, jobs };
  }

  return { queue, open, working, waiting, load, command, replace, stateOf, update };
});
