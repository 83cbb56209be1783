import { expect, test } from 'vitest'
import { runModel } from './run-model.ts'

const FIRST_SEED = 10_001
const RUNS = 5_000

test(`${RUNS} more seeded runs keep every invariant`, async () => {
  let ranges = 0
  for (let seed = FIRST_SEED; seed < FIRST_SEED + RUNS; seed++) {
    const world = await runModel({ seed })
    for (const log of world.logs) ranges += world.store.ranges(log.partition).length
  }
  expect(ranges).toBeGreaterThan(RUNS * 10)
})
