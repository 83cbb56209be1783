import { writeSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'

/**
 * Ends the run's output with `N passed, N failed` (`, N skipped` when there are any). A file that cannot be loaded,
 * an error outside of any test and a run that broke off count as failed: the line says 0 failed only if all is well.
 */
export class LastLineReporter implements Reporter {
  #passed = 0
  #failed = 0
  #skipped = 0
  #ended = false

  onInit(): void {
    // At the very end, behind what the tear-down of the stack and the other reporters write.
    process.once('exit', (code) => {
      if (this.#failed === 0 && (code !== 0 || !this.#ended)) this.#failed = 1
      const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : ''
      writeSync(1, `${this.#passed} passed, ${this.#failed} failed${skipped}\n`)
    })
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[], reason: string): void {
    this.#ended = reason !== 'interrupted'
    this.#passed = 0
    this.#failed = unhandledErrors.length
    this.#skipped = 0
    for (const module of modules) {
      let failed = 0
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') this.#passed++
        else if (state === 'skipped') this.#skipped++
        else failed++
      }
      // A module can fail without a failed test: it did not load, or a hook threw.
      this.#failed += failed === 0 && !module.ok() ? 1 : failed
    }
  }
}
