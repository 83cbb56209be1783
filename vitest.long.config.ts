import { defineConfig } from 'vitest/config'
import { LastLineReporter } from './test/support/last-line-reporter.ts'
import { SEED_VARIABLE, SeedReporter, seedOfRun } from './test/support/seed.ts'

const seed = seedOfRun(process.env)

/** `npm run test:long`: what takes minutes. Each file is `*.long.test.ts` beside the others. */
export default defineConfig({
  test: {
    name: 'long',
    include: ['test/**/*.long.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', new SeedReporter(seed), new LastLineReporter()],
    env: { [SEED_VARIABLE]: String(seed) },
    setupFiles: ['test/support/property-seed.ts'],
    execArgv: ['--disable-warning=TimeoutNegativeWarning'],
    fileParallelism: false,
    testTimeout: 900_000,
    hookTimeout: 180_000,
  },
})
