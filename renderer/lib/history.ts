/** Undo and redo over immutable values: a pure structure, so that stores only hold one. */
export interface History<T> {
  readonly past: readonly T[];
  readonly present: T;
  readonly future: readonly T[];
  /** Edits with the same key in a row (a drag, typing in one field) are one step back. */
  readonly key: string | null;
}

const LONGEST_PAST = 200;

export function startHistory<T>(present: T): History<T> {
  return { past: [], present, future: [], key: null };
}

/** Records an edit. A new edit forgets what was undone. */
export function record<T>(history: History<T>, present: T, key: string | null = null): History<T> {
  const merges = key !== null && key === history.key;
  const past = merges ? history.past : [...history.past, history.present].slice(-LONGEST_PAST);
  return { past, present, future: [], key };
}

/** Ends a merged step: the next edit with the same key is a step of its own. */
export function seal<T>(history: History<T>): History<T> {
  return { ...history, key: null };
}

export function undo<T>(history: History<T>): History<T> {
  const previous = history.past.at(-1);
  if (previous === undefined) return history;
  return {
    past: history.past.slice(0, -1),
    present: previous,
    future: [history.present, ...history.future],
    key: null,
  };
}

export function redo<T>(history: History<T>): History<T> {
  const [next, ...future] = history.future;
  if (next === undefined) return history;
  return { past: [...history.past, history.present], present: next, future, key: null };
}
