import { defineConfig } from 'vitest/config';

/** The window in a real browser, through the real web host. Apart from the unit tests, since it needs Chromium. */
export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'screenshots' ? 'test/e2e/screenshots.ts' : 'test/e2e/**/*.e2e.ts'],
    globalSetup: ['test/e2e/globalSetup.ts'],
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 120_000,
    bail: 1,
  },
}));
