import { expect, test } from 'vitest'
import { runModel } from './run-model.ts'

const RUNS = 100

test(`${RUNS} seeded runs keep every invariant`, { timeout: 120_000 }, async () => {
  let stored = 0
  for (let seed = 1; seed <= RUNS; seed++) {
    const world = await runModel({ seed })
    for (const log of world.logs) stored += world.store.ranges(log.partition).length
  }
  expect(stored).toBeGreaterThan(RUNS * 10)
})
