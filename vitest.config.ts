import { defineConfig } from 'vitest/config';

/** `npm run test:long` sets this: the full counts instead of the seeded sample. */
const long = process.env.TEST_LONG === '1';

export default defineConfig({
  test: {
    include: [long ? 'test/**/*.long.test.ts' : 'test/**/*.test.ts'],
    // Azurite's packages, in test/azurite, have tests of their own.
    exclude: ['**/node_modules/**', ...(long ? [] : ['test/**/*.long.test.ts'])],
    maxConcurrency: 6,
    pool: 'forks',
    // The tests wait more than they compute; the long ones must not crowd each other out of their time.
    maxWorkers: long ? 2 : 3,
    testTimeout: long ? 1_200_000 : 60_000,
    hookTimeout: 30_000,
    setupFiles: ['test/support/setup.ts'],
    reporters: ['default', './test/support/skip-reporter.ts'],
  },
});
