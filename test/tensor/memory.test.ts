import { expect, it } from 'vitest';
import { peakRssBytes } from '../../src/tensor/memory.js';
import { yieldToEventLoop } from '../../src/tensor/yield.js';

it('the peak covers what is resident now and grows with what is touched', () => {
  const before = peakRssBytes();
  expect(before).toBeGreaterThanOrEqual(process.memoryUsage.rss() * 0.95);
  // More than the slack between the peak so far and what is resident now.
  const bytes = before - process.memoryUsage.rss() + 64 * 2 ** 20;
  const block = Buffer.alloc(bytes, 1);
  expect(peakRssBytes() - before).toBeGreaterThan(32 * 2 ** 20);
  expect(block.length).toBe(bytes);
});

it('yielding lets waiting timers and callbacks run', async () => {
  let ran = false;
  setImmediate(() => (ran = true));
  await yieldToEventLoop();
  expect(ran).toBe(true);
});
