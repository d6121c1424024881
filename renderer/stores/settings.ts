import { computed, ref, watch } from 'vue';
import { defineStore } from 'pinia';
import type { CommandParams, CommandValue } from '../../src/contract/api.js';
import { ask, useTransport } from '../transport/useTransport.js';
import { useNoticesStore } from './notices.js';

type Settings = CommandValue<'settings.get'>;

/** A person's settings, kept by the host. The theme is applied to the document. */
export const useSettingsStore = defineStore('settings', () => {
  const transport = useTransport();
  const notices = useNoticesStore();
  const settings = ref<Settings>({
    theme: 'system',
    keepAwake: true,
    notifications: true,
    pauseOnBattery: false,
    engine: 'auto',
    keepCheckpoints: null,
    projectsFolder: null,
  });

  const media = window.matchMedia('(prefers-color-scheme: dark)');
  const systemDark = ref(media.matches);
  media.addEventListener('change', (event) => {
    systemDark.value = event.matches;
  });

  const dark = computed(() => (settings.value.theme === 'system' ? systemDark.value : settings.value.theme === 'dark'));
  watch(dark, (isDark) => (document.documentElement.dataset['theme'] = isDark ? 'dark' : 'light'), { immediate: true });

  async function load(): Promise<void> {
    settings.value = await ask(transport, 'settings.get', {});
  }

  async function change(part: CommandParams<'settings.set'>): Promise<void> {
    const before = settings.value;
    settings.value = { ...before, ...part };
    try {
      settings.value = await ask(transport, 'settings.set', part);
    } catch (error) {
      settings.value = before;
      notices.report(error);
    }
  }

  return { settings, dark, load, change };
});
