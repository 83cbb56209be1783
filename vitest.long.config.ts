import { defineConfig } from 'vitest/config'
import { LastLineReporter } from './test/support/last-line-reporter.ts'

/** `npm run test:long`: what takes minutes. Each file is `*.long.test.ts` beside the others. */
export default defineConfig({
  test: {
    name: 'long',
    include: ['test/**/*.long.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', new LastLineReporter()],
    execArgv: ['--disable-warning=TimeoutNegativeWarning'],
    fileParallelism: false,
    testTimeout: 900_000,
    hookTimeout: 180_000,
  },
})
