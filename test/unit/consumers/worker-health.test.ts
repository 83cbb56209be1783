import { expect, it } from 'vitest'
import { livenessOf, type Running, readinessOf, STARTING } from '../../../consumers/worker-health.ts'
import { EngineBench } from './engine/bench.ts'

const cut = { maxRows: 5, maxBytes: 1_000_000, maxAgeMs: 1_000 }

it('a worker without an engine yet is alive and not ready', () => {
  const running: Running = { engine: null }
  expect(livenessOf(running).state()).toEqual({ ok: true })
  expect(readinessOf(running).state()).toEqual({ ok: false, reason: STARTING })
})

it('a worker is not ready before the group has taken it in, says so, and is alive', async () => {
  const bench = new EngineBench({ cut })
  const { engine } = bench
  await engine.start()
  await bench.pass(2_000)
  expect(livenessOf({ engine }).state()).toEqual({ ok: true })
  expect(readinessOf({ engine }).state()).toMatchObject({
    ok: false,
    reason: expect.stringMatching(/^waiting for the group for 2 s/),
  })
  await bench.assign()
  expect(readinessOf({ engine }).state()).toEqual({ ok: true })
})
