import { onBeforeUnmount } from 'vue';
import { useRoute, useRouter } from 'vue-router';
import { PLACES } from '../lib/places.js';
import { useDesignStore } from '../stores/design.js';
import { useProjectsStore } from '../stores/projects.js';

/** Keys that work everywhere: Ctrl/Cmd+K, Ctrl/Cmd+1..5, undo and redo in the design, ? for the list of keys. */
export function useShortcuts({ openPalette, openKeys }: { openPalette: () => void; openKeys: () => void }): void {
  const router = useRouter();
  const route = useRoute();
  const projects = useProjectsStore();
  const design = useDesignStore();

  function onKey(event: KeyboardEvent): void {
    if (event.key === '?' && !event.ctrlKey && !event.metaKey && !event.altKey && !isTextInput(event.target)) {
      event.preventDefault();
      return openKeys();
    }
    if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
    const key = event.key.toLowerCase();
    const place = PLACES[Number(key) - 1];
    if (key === 'k') openPalette();
    else if (place !== undefined) {
      const id = projects.currentId;
      if (place.needsProject && id === null) return;
      void router.push({ name: place.name, params: place.needsProject ? { id } : {} });
    } else if (key === 'z' && route.name === 'design' && !isTextInput(event.target)) {
      if (event.shiftKey) design.redoEdit();
      else design.undoEdit();
    } else if (key === 'y' && route.name === 'design' && !isTextInput(event.target)) design.redoEdit();
    else return;
    event.preventDefault();
  }

  window.addEventListener('keydown', onKey);
  onBeforeUnmount(() => window.removeEventListener('keydown', onKey));
}

/** Text fields undo their own typing. */
function isTextInput(target: EventTarget | null): boolean {
  if (target instanceof HTMLTextAreaElement) return true;
  return target instanceof HTMLInputElement && ['text', 'search', 'number'].includes(target.type);
}
