import { expect, test } from 'vitest'
import { runModel } from './run-model.ts'
import {
  commitsBeforeDelivery,
  noTipAfterFailure,
  noTipAtStart,
  type Sabotage,
  skipsHoles,
} from './sabotage.ts'
import type { WorldOptions } from './world.ts'

const RUNS = 100

/** The first violation (of this kind) that the model's own runs find; null where there is none. */
async function caught(options: Omit<WorldOptions, 'seed'>, kind = /^/): Promise<string | null> {
  for (let seed = 1; seed <= RUNS; seed++) {
    const found = await runModel({ ...options, seed }).then(
      () => null,
      (error: Error) => error.message.split('\n')[0] ?? '',
    )
    if (found !== null && kind.test(found)) return found
  }
  return null
}

test.each<[string, Sabotage, RegExp]>([
  ['commits before it delivers', commitsBeforeDelivery, /committed/],
  ['begins at the committed offset', noTipAtStart, /twice|hole/],
  ['repeats a failed delivery without asking', noTipAfterFailure, /twice|never delivered|settle/],
])('the model catches an engine that %s', async (_, sabotage, violation) => {
  expect(await caught({ sabotage })).toMatch(violation)
})

// A skipped hole may show first as a commit beyond what the store holds.
test('the model catches an engine that skips what retention took', async () => {
  expect(await caught({ sabotage: skipsHoles }, /not accepted/)).toMatch(/not accepted/)
})

test('the model catches a store that lets every claim write', async () => {
  expect(await caught({ exclusion: 'none' })).toMatch(/twice|hole/)
})

test('the model catches an exclusion that ends by a deadline', async () => {
  expect(await caught({ exclusion: 'deadline' })).toMatch(/twice|hole/)
})
