import { describe, expect, it } from 'vitest'
import { orAborted } from '../../../runtime/or-aborted.ts'
import { waitUntil } from '../../../runtime/wait-until.ts'
import { LeapingClock } from './manual-clock.ts'

const never = new Promise<never>(() => {})

describe('waitUntil', () => {
  it('asks again after each pause, and gives the answer that will do', async () => {
    const clock = new LeapingClock()
    let asked = 0
    const answer = await waitUntil(
      async () => ++asked,
      (count) => count === 3,
      { pauseMs: 100, clock },
    )
    expect([answer, clock.sleeps]).toEqual([3, [100, 100]])
  })

  it('ends by a rejection of the question', async () => {
    const fault = new Error('no')
    await expect(waitUntil(() => Promise.reject(fault), Boolean, { pauseMs: 1 })).rejects.toBe(fault)
  })

  it.each([
    ['before the first question', () => never, true],
    ['while a question has no answer', () => never, false],
    ['in a pause', async () => false, false],
  ])('ends with the reason of its signal: %s', async (_when, ask, before) => {
    const ending = new AbortController()
    const reason = Symbol('reason')
    if (before) ending.abort(reason)
    const waiting = waitUntil(ask, Boolean, { pauseMs: 3_600_000, signal: ending.signal })
    setImmediate(() => ending.abort(reason))
    await expect(waiting).rejects.toBe(reason)
  })
})

describe('orAborted', () => {
  it('gives what comes first, and a later failure of the work is nobody’s', async () => {
    const ending = new AbortController()
    expect(await orAborted(Promise.resolve(1), ending.signal)).toBe(1)
    const work = Promise.withResolvers<never>()
    const left = orAborted(work.promise, ending.signal)
    ending.abort('over')
    await expect(left).rejects.toBe('over')
    work.reject(new Error('late'))
    await new Promise(setImmediate)
  })
})
