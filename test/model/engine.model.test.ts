import { expect, test } from 'vitest'
import type { CutCause, RetriedStep } from '../../consumers/engine/observer.ts'
import { FAILPOINTS } from '../../runtime/failpoints.ts'
import { runModel } from './run-model.ts'

const RUNS = 100

const CAUSES: readonly CutCause[] = ['rows', 'bytes', 'age', 'boundary', 'memory', 'shutdown']
const STEPS: readonly RetriedStep[] = ['claim', 'tip', 'prepare', 'deliver', 'reclaim', 'commit']

/** A model that no longer reaches a fault proves nothing about it. */
const EXPECTED = [
  ...FAILPOINTS.flatMap((name) => [`freeze at ${name}`, `kill at ${name}`]),
  ...CAUSES.map((cause) => `cut by ${cause}`),
  ...STEPS.map((step) => `retry ${step}`),
  ...['memory', 'share', 'backoff'].map((reason) => `paused by ${reason}`),
  ...['fenced', 'loss accepted', 'hole accepted', 'gave way'],
]

test(`${RUNS} seeded runs keep every invariant, and reach every fault`, async () => {
  const happened = new Set<string>()
  for (let seed = 1; seed <= RUNS; seed++) {
    const world = await runModel({ seed })
    for (const what of world.happened) happened.add(what)
  }
  expect(EXPECTED.filter((what) => !happened.has(what))).toEqual([])
})

test('one seed is one run', async () => {
  const [first, second] = [await runModel({ seed: 7 }), await runModel({ seed: 7 })]
  expect(first.sim.trace).toEqual(second.sim.trace)
})
