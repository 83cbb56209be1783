import { expect, test } from 'vitest'
import type { StopOutcome } from '../../../../consumers/engine/engine.ts'
import { goodValue } from '../../../support/fakes/fake-checker.ts'
import { EngineBench } from './bench.ts'

const cut = { maxRows: 1_000, maxBytes: 1_000_000, maxAgeMs: 60_000 }

async function open(bench: EngineBench, count: number): Promise<void> {
  for (let at = 0; at < count; at++) bench.log().append(goodValue(1), 1_000)
  await bench.assign()
  await bench.fetch()
}

async function stopped(bench: EngineBench, timeoutMs: number): Promise<StopOutcome | null> {
  let outcome: StopOutcome | null = null
  void bench.engine.stop({ timeoutMs }).then((ended) => {
    outcome = ended
  })
  await bench.sim.run(() => outcome !== null, timeoutMs + 10_000)
  return outcome
}

test('stopping delivers and commits what is open, then leaves', async () => {
  const bench = new EngineBench({ cut })
  await open(bench, 7)
  const startedAt = bench.sim.now
  expect(await stopped(bench, 5_000)).toBe('drained')
  expect(bench.sim.now - startedAt).toBeLessThan(100)
  expect(bench.stored()).toEqual(['0..6'])
  expect(bench.committed()).toBe(7n)
  expect(bench.source.calls).toEqual(['quiesce', 'stop'])
  expect(bench.engine.health()).toMatchObject({ state: 'stopped', healthy: false })
})

test('stopping ends in time when the store does not answer', async () => {
  const bench = new EngineBench({ cut })
  await open(bench, 7)
  bench.failpoints.holdAt('effect.before')
  const startedAt = bench.sim.now
  expect(await stopped(bench, 2_000)).toBe('abandoned')
  expect(bench.sim.now - startedAt).toBeLessThanOrEqual(2_000)
  expect(bench.source.commits).toEqual([])
  expect(bench.source.calls).toEqual(['quiesce', 'stop'])
})

test('a batch that waits for the registry does not hold up the stop', async () => {
  const bench = new EngineBench({ cut })
  await open(bench, 7)
  bench.log().append(goodValue(1), 1_000)
  bench.registryIsDown = true
  const waiting = bench.fetch(0, 7n)
  const startedAt = bench.sim.now
  expect(await stopped(bench, 5_000)).toBe('drained')
  expect(bench.sim.now - startedAt).toBeLessThan(100)
  await waiting
  expect(bench.stored()).toEqual(['0..6'])
})

test('a generation that begins during the stop is not served', async () => {
  const bench = new EngineBench({ cut })
  await open(bench, 7)
  bench.failpoints.holdAt('effect.before')
  const startedAt = bench.sim.now
  let outcome: StopOutcome | null = null
  void bench.engine.stop({ timeoutMs: 5_000 }).then((ended) => {
    outcome = ended
  })
  await bench.pass(10)
  expect((await bench.assign()).size).toBe(0)
  await bench.sim.run(() => outcome !== null, 10_000)
  expect(outcome).toBe('abandoned')
  expect(bench.sim.now - startedAt).toBeLessThan(100)
})

test('stopping twice gives the same outcome once', async () => {
  const bench = new EngineBench({ cut })
  await open(bench, 1)
  const outcomes = Promise.all([bench.engine.stop({ timeoutMs: 1_000 }), bench.engine.stop({ timeoutMs: 1 })])
  await bench.pass(100)
  expect(await outcomes).toEqual(['drained', 'drained'])
  expect(bench.source.calls).toEqual(['quiesce', 'stop'])
})
