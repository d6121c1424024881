import { defineConfig } from 'vitest/config';

/** The window in a real browser, through the real web host. Apart from the unit tests, since it needs Chromium. */
export default defineConfig(({ mode }) => ({
  test: {
    include: [mode === 'screenshots' ? 'test/e2e/screenshots.ts' : 'test/e2e/**/*.e2e.ts'],
    globalSetup: ['test/e2e/globalSetup.ts'],
    fileParallelism: false,
    testTimeout: 400_000,
    hookTimeout: 400_000,
    // What is read from the page may lag behind what was done to it.
    expect: { poll: { timeout: 60_000 } },
    bail: 1,
  },
}));
