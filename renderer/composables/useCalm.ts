import { nextTick, onScopeDispose, shallowRef, watch, type Ref, type ShallowRef } from 'vue';

/** A drawing may take this share of the time of one core: training on the same machine needs the rest. */
const SHARE = 0.01;
const LONGEST_MS = 60_000;

/**
 * The newest value of a source, at most once every `intervalMs`, and more seldom where drawing it takes long or the page is
 * hidden: nobody reads a chart ten times a second. The first value and the last one of a burst always arrive.
 */
export function useCalm<T>(source: Readonly<Ref<T>>, intervalMs: number): Readonly<ShallowRef<T>> {
  const calm = shallowRef(source.value);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let nextAt = Number.NEGATIVE_INFINITY;

  async function take(): Promise<void> {
    timer = undefined;
    const started = performance.now();
    nextAt = started + intervalMs;
    calm.value = source.value;
    await nextTick();
    // Charts draw right after the components they belong to.
    await nextTick();
    const spent = performance.now() - started;
    nextAt = started + Math.min(LONGEST_MS, Math.max(intervalMs, spent / SHARE));
  }

  /** Waits for the next turn; a hidden page for its return. */
  function wait(): void {
    if (timer !== undefined || document.hidden) return;
    timer = setTimeout(() => void take(), Math.max(0, nextAt - performance.now()));
  }

  function onVisibility(): void {
    if (calm.value !== source.value) wait();
  }

  watch(source, () => {
    if (timer === undefined && !document.hidden && performance.now() >= nextAt) void take();
    else wait();
  });
  document.addEventListener('visibilitychange', onVisibility);
  onScopeDispose(() => {
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisibility);
  });
  return calm;
}
