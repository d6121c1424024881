// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { effectScope, shallowRef, watch, type EffectScope } from 'vue';
import { useCalm } from '../../renderer/composables/useCalm.js';

let scope: EffectScope;
let hidden: boolean;
beforeEach(() => {
  vi.useFakeTimers();
  scope = effectScope();
  hidden = false;
  vi.spyOn(document, 'hidden', 'get').mockImplementation(() => hidden);
});
afterEach(() => {
  scope.stop();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** A source, and what was drawn of it, each drawing taking `drawMs`. */
function drawnCalmly(drawMs = 0) {
  const source = shallowRef(0);
  const drawn: number[] = [];
  scope.run(() => {
    watch(useCalm(source, 2000), (value) => {
      drawn.push(value);
      if (drawMs > 0) vi.advanceTimersByTime(drawMs);
    });
  });
  return { source, drawn };
}

async function changeEvery100Ms(source: { value: number }, forMs: number): Promise<void> {
  for (let time = 0; time < forMs; time += 100) {
    source.value += 1;
    await vi.advanceTimersByTimeAsync(100);
  }
}

it('shows the first value at once, then the newest every two seconds, and the last', async () => {
  const { source, drawn } = drawnCalmly();
  await changeEvery100Ms(source, 5000);
  expect(drawn).toHaveLength(3);
  expect(drawn[0]).toBe(1);
  await vi.advanceTimersByTimeAsync(2000);
  expect(drawn.at(-1)).toBe(50);
});

it('draws more seldom what takes long to draw: one per cent of the time', async () => {
  const { source, drawn } = drawnCalmly(100);
  await changeEvery100Ms(source, 30_000);
  // 100 ms of drawing in every 10 s.
  expect(drawn.length).toBeGreaterThanOrEqual(3);
  expect(drawn.length).toBeLessThanOrEqual(4);
});

it('draws nothing while the page is hidden, and the newest value when it comes back', async () => {
  const { source, drawn } = drawnCalmly();
  hidden = true;
  await changeEvery100Ms(source, 10_000);
  expect(drawn).toEqual([]);
  hidden = false;
  document.dispatchEvent(new Event('visibilitychange'));
  await vi.advanceTimersByTimeAsync(0);
  expect(drawn).toEqual([100]);
});
