import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/globalSetup.ts'],
    // The tensor engines are process-wide and use every core, so files run one after another, each in its own process.
    pool: 'forks',
    fileParallelism: false,
    // Far more than any test takes on a quiet machine: a busy or slow one must not fail.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    env: { TF_CPP_MIN_LOG_LEVEL: '3' },
  },
});
