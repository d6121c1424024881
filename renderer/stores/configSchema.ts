import { computed, shallowRef } from 'vue';
import { defineStore } from 'pinia';
import { configFields, type ConfigFieldInfo } from '../lib/configFields.js';
import { ask, useTransport } from '../transport/useTransport.js';

/** The fields of an experiment, from the host's own schema: the window has no list of its own. */
export const useConfigSchemaStore = defineStore('configSchema', () => {
  const transport = useTransport();
  const all = shallowRef<readonly ConfigFieldInfo[]>([]);
  const fields = computed(() => new Map(all.value.map((field) => [field.path, field])));

  async function load(): Promise<void> {
    const { schema } = await ask(transport, 'design.schema', {});
    all.value = configFields(schema);
  }

  return { all, fields, load };
});
