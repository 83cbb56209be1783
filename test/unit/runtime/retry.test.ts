import { describe, expect, it } from 'vitest'
import { retry } from '../../../runtime/retry.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import { LeapingClock } from './manual-clock.ts'

const policy = { baseDelayMs: 100, maxDelayMs: 1_000 }
const passing = new DaybookError('DAYBOOK_TEST_PASSING', 'try again', { retryable: true })

describe('retry', () => {
  it('gives the first success', async () => {
    const clock = new LeapingClock()
    const result = await retry(
      async (count) => {
        if (count < 4) throw passing
        return count
      },
      { clock, policy, random: () => 0.5 },
    )
    expect(result).toBe(4)
    expect(clock.sleeps).toEqual([75, 150, 300])
  })

  it('does not repeat what is not retryable, foreign errors included', async () => {
    for (const error of [new DaybookError('DAYBOOK_TEST_FINAL', 'no'), new Error('foreign')]) {
      let calls = 0
      const failing = retry(
        async () => {
          calls += 1
          throw error
        },
        { clock: new LeapingClock(), policy },
      )
      await expect(failing).rejects.toBe(error)
      expect(calls).toBe(1)
    }
  })

  it('ends with the last error when the deadline would pass during the pause', async () => {
    const clock = new LeapingClock()
    const failing = retry(() => Promise.reject(passing), {
      clock,
      policy: { ...policy, deadlineMs: 120 },
      random: () => 0.5,
    })
    await expect(failing).rejects.toBe(passing)
    expect(clock.nowMs).toBe(75)
  })

  it('ends when its signal aborts, and tells of each pause', async () => {
    const controller = new AbortController()
    const pauses: number[] = []
    const failing = retry(() => Promise.reject(passing), {
      clock: new LeapingClock(),
      policy,
      signal: controller.signal,
      random: () => 0.5,
      onRetry: (_, attempt, delayMs) => {
        pauses.push(delayMs)
        if (attempt === 3) controller.abort()
      },
    })
    await expect(failing).rejects.toBe(passing)
    expect(pauses).toEqual([75, 150, 300])
    const aborted = retry(async () => 1, { clock: new LeapingClock(), policy, signal: controller.signal })
    await expect(aborted).rejects.toMatchObject({ code: 'DAYBOOK_RUNTIME_ABORTED' })
  })
})
