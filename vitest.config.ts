import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/** `npm run test:long` sets this: the full counts instead of the seeded sample. */
const long = process.env.TEST_LONG === '1';

const LONG_TESTS = 'test/**/*.long.test.ts';
/** These keep all processors busy: whole machines that boot and install, releases, another processor that is emulated. */
const WHOLE_MACHINES = ['systemd', 'install', 'arm64'].map((room) => `test/${room}/**`);

/** Of the long tests, those that wait for real time come first, and have the processors for themselves. */
const projects: TestProjectInlineConfiguration[] = [
  { extends: true, test: { name: 'long', include: [LONG_TESTS], exclude: ['**/node_modules/**', ...WHOLE_MACHINES] } },
  {
    extends: true,
    test: {
      name: 'machines',
      include: WHOLE_MACHINES.map((room) => `${room}/*.long.test.ts`),
      sequence: { groupOrder: 1 },
    },
  },
];

export default defineConfig({
  test: {
    ...(long ? { projects } : { include: ['test/**/*.test.ts'] }),
    // Azurite's packages, in test/azurite, have tests of their own.
    exclude: ['**/node_modules/**', ...(long ? [] : [LONG_TESTS])],
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
