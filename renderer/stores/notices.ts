import { ref } from 'vue';
import { defineStore } from 'pinia';
import { CommandError } from '../transport/useTransport.js';

export interface Notice {
  readonly id: number;
  readonly kind: 'info' | 'error';
  readonly title: string;
  /** What to do next. */
  readonly hint: string;
  readonly code: string | null;
}

const MOST_NOTICES = 4;

/** Messages that a person should see wherever they are; read out politely, dismissed by hand. */
export const useNoticesStore = defineStore('notices', () => {
  const notices = ref<readonly Notice[]>([]);
  let nextId = 1;

  function add(notice: Omit<Notice, 'id'>): void {
    const known = notices.value.some(({ title, hint }) => title === notice.title && hint === notice.hint);
    if (known) return;
    notices.value = [...notices.value, { ...notice, id: nextId++ }].slice(-MOST_NOTICES);
  }

  /** Puts anything that was thrown into words. */
  function report(error: unknown): void {
    if (error instanceof CommandError) {
      add({ kind: 'error', title: error.message, hint: error.hint, code: error.code });
    } else {
      const title = error instanceof Error ? error.message : String(error);
      add({ kind: 'error', title, hint: 'Try again; if it stays, reload the window.', code: null });
    }
  }

  function inform(title: string, hint = ''): void {
    add({ kind: 'info', title, hint, code: null });
  }

  function dismiss(id: number): void {
    notices.value = notices.value.filter((notice) => notice.id !== id);
  }

  return { notices, report, inform, dismiss };
});
