import { describe, expect, it } from 'vitest'
import {
  type ArrivalWait,
  STANDSTILL_MS,
  STOPPED_PATIENCE_MS,
  Standstill,
  untilArrived,
} from '../../../../infra/local/arrival-wait.ts'
import { LeapingClock } from '../../runtime/manual-clock.ts'

const STOPPED = 'audit/0 by DAYBOOK_TEST_CODE'

/** `countAt`: what an answer shows after so many milliseconds. */
function wait(countAt: (ms: number) => number, o: Partial<Record<'stopped' | 'unready', string>> = {}) {
  const clock = new LeapingClock()
  const options: ArrivalWait<number> = {
    ask: async () => countAt(clock.nowMs),
    countOf: (count) => count,
    wanted: 10,
    worker: {
      name: 'hot worker',
      stopped: async () => (o.stopped === undefined ? [] : [o.stopped]),
      unreadiness: async () => o.unready ?? '',
    },
    signal: new AbortController().signal,
    clock,
  }
  return { clock, options }
}

async function standstillOf(options: ArrivalWait<number>): Promise<string> {
  const error = await untilArrived(options).catch((reason: unknown) => reason)
  if (error instanceof Standstill) return error.message
  throw error
}

describe('waiting for what was emitted', () => {
  it('ends with all of it', async () => {
    const { options } = wait((ms) => ms / 1_000)
    expect(await untilArrived(options)).toBe(10)
  })

  it('ends soon where a partition is stopped and nothing comes, and names it', async () => {
    const { options, clock } = wait(() => 3, { stopped: STOPPED })
    expect(await standstillOf(options)).toBe(`the hot worker has stopped ${STOPPED}`)
    expect(clock.nowMs).toBeLessThan(STOPPED_PATIENCE_MS + 1_000)
  })

  it('goes on while something comes, though a partition is stopped', async () => {
    const { options } = wait((ms) => Math.floor(ms / (STOPPED_PATIENCE_MS - 1_000)), { stopped: STOPPED })
    expect(await untilArrived(options)).toBe(10)
  })

  it('ends where nothing comes for long and nothing is stopped, and gives what the worker says', async () => {
    const { options, clock } = wait(() => 0, { unready: 'waiting for the group' })
    expect(await standstillOf(options)).toBe(
      `nothing has come for ${STANDSTILL_MS / 1_000} s; the hot worker is not ready: waiting for the group`,
    )
    expect(clock.nowMs).toBeLessThan(STANDSTILL_MS + 1_000)
  })

  it('takes a failed question for no answer, until it lasts', async () => {
    const passing = wait((ms) => {
      if (ms < STANDSTILL_MS - 10_000) throw new Error('refused')
      return 10
    })
    expect(await untilArrived(passing.options)).toBe(10)
    const lasting = wait(() => {
      throw new Error('refused')
    })
    expect(await standstillOf(lasting.options)).toMatch(
      /says that it is ready; the last question failed: refused$/,
    )
  })

  it('ends at once with the process, also while a question has no answer', async () => {
    const ending = new AbortController()
    const { options } = wait(() => 0)
    const asked = untilArrived({
      ...options,
      ask: () => new Promise<number>(() => {}),
      signal: ending.signal,
    })
    setImmediate(() => ending.abort('told to end'))
    await expect(asked).rejects.toBe('told to end')
  })
})
