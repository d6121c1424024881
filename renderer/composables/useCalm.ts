import { onScopeDispose, shallowRef, watch, type Ref, type ShallowRef } from 'vue';

/**
 * The newest value of a source, at most once every `intervalMs`: nobody reads a chart ten times a second, and every drawing
 * takes time from the training on the same machine. The first value and the last one of a burst always arrive.
 */
export function useCalm<T>(source: Readonly<Ref<T>>, intervalMs: number): Readonly<ShallowRef<T>> {
  const calm = shallowRef(source.value);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let changedAt = Number.NEGATIVE_INFINITY;

  function take(): void {
    timer = undefined;
    changedAt = performance.now();
    calm.value = source.value;
  }

  watch(source, () => {
    if (timer !== undefined) return;
    const wait = changedAt + intervalMs - performance.now();
    if (wait <= 0) take();
    else timer = setTimeout(take, wait);
  });
  onScopeDispose(() => clearTimeout(timer));
  return calm;
}
