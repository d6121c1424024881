import { ref } from 'vue';
import { defineStore } from 'pinia';
import type { CommandValue } from '../../src/contract/api.js';
import type { Connection } from '../transport/transport.js';
import { ask, useTransport } from '../transport/useTransport.js';

const RESOURCE_INTERVAL_MS = 4000;

/** The machine behind the window: engines, memory, and whether the host can be heard. */
export const useHostStore = defineStore('host', () => {
  const transport = useTransport();
  const info = ref<CommandValue<'app.info'> | null>(null);
  const engines = ref<CommandValue<'engines.list'> | null>(null);
  const resources = ref<CommandValue<'app.resources'> | null>(null);
  const connection = ref<Connection>('connecting');
  transport.onConnection((state) => (connection.value = state));

  async function load(): Promise<void> {
    info.value = await ask(transport, 'app.info', {});
    void pollResources();
    // Probing starts processes of its own and may take seconds: nothing waits for it.
    void probeEngines(false);
  }

  async function probeEngines(again: boolean): Promise<void> {
    const result = await transport.call('engines.list', { again });
    if (result.ok) engines.value = result.value;
  }

  async function pollResources(): Promise<void> {
    if (!document.hidden) {
      const result = await transport.call('app.resources', {});
      if (result.ok) resources.value = result.value;
    }
    setTimeout(() => void pollResources(), RESOURCE_INTERVAL_MS);
  }

  return { info, engines, resources, connection, load, probeEngines };
});
