import { defineConfig } from 'vitest/config'
import { LastLineReporter } from './test/support/last-line-reporter.ts'
import { SEED_VARIABLE, SeedReporter, seedOfRun } from './test/support/seed.ts'

/** kafkajs makes Node warn of a negative timer at each throttled request; it is harmless and hides what is not. */
const execArgv = ['--disable-warning=TimeoutNegativeWarning']

/** Those run by `npm run test:long`. */
const exclude = ['test/**/*.long.test.ts']

const seed = seedOfRun(process.env)
const shared = {
  env: { [SEED_VARIABLE]: String(seed) },
  setupFiles: ['test/support/property-seed.ts'],
  // A condition that is waited for may take its time on a busy machine; the default is one second.
  expect: { poll: { timeout: 10_000 } },
}

export default defineConfig({
  test: {
    reporters: ['default', new SeedReporter(seed), new LastLineReporter()],
    sequence: { seed },
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          exclude,
          execArgv,
          testTimeout: 20_000,
          // No test relies on another one. In `stack` they do: servers keep what was written.
          sequence: { shuffle: { tests: true } },
        },
      },
      {
        test: {
          ...shared,
          name: 'model',
          include: ['test/model/**/*.test.ts'],
          exclude,
          execArgv,
          testTimeout: 120_000,
        },
      },
      {
        test: {
          ...shared,
          name: 'stack',
          include: ['test/{contract,integrity,e2e}/**/*.test.ts'],
          exclude,
          globalSetup: ['test/support/global-setup.ts'],
          execArgv,
          // One file at a time: they share two cores with four servers, and some measure how long things take.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
          testTimeout: 90_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
