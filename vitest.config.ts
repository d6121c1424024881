import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longestFirst.js';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/globalSetup.ts'],
    // Tensor engines are process-wide, so each file has a process of its own. More than four would take much memory.
    pool: 'forks',
    maxWorkers: Math.min(4, availableParallelism()),
    sequence: { sequencer: LongestFirst },
    // Far more than any test takes on a quiet machine: a busy or slow one must not fail.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    env: { TF_CPP_MIN_LOG_LEVEL: '3' },
  },
});
