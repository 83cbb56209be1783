import { randomInt } from 'node:crypto'
import type { Reporter } from 'vitest/node'

/** From this variable a run takes its seed; without it each run draws one. */
export const SEED_VARIABLE = 'DAYBOOK_TEST_SEED'

/** What decides the order of tests and the inputs of property tests. @throws RangeError for no whole number */
export function seedOfRun(env: Readonly<Record<string, string | undefined>>): number {
  const text = env[SEED_VARIABLE]
  if (text === undefined || text === '') return randomInt(2 ** 31)
  const seed = Number(text)
  if (Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31) return seed
  throw new RangeError(`${SEED_VARIABLE} must be a whole number below 2^31, not "${text}"`)
}

/** Behind a run that failed: how to run the same order and the same inputs again. */
export class SeedReporter implements Reporter {
  readonly #seed: number

  constructor(seed: number) {
    this.#seed = seed
  }

  onTestRunEnd(_modules: unknown, _errors: unknown, reason: string): void {
    if (reason !== 'failed') return
    process.stdout.write(`Seed ${this.#seed}; the same again: ${SEED_VARIABLE}=${this.#seed} npm test\n`)
  }
}
