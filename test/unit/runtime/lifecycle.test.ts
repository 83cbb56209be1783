import { EventEmitter } from 'node:events'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../../../runtime/clock.ts'
import { EXIT, exitCodeOf } from '../../../runtime/exit-codes.ts'
import { createLifecycle } from '../../../runtime/lifecycle.ts'
import { DaybookError, type ErrorCode } from '../../../schemas/errors.ts'
import { LeapingClock, stillClock } from './manual-clock.ts'

function start(clock: Clock = stillClock) {
  const signals = new EventEmitter()
  const lines: string[] = []
  const note = (_: object, message: string): void => {
    lines.push(message)
  }
  const log = { info: note, warn: note, fatal: note }
  return { signals, lines, lifecycle: createLifecycle({ clock, log, signals, stopTimeoutMs: 1_000 }) }
}

const forever = () => new Promise<void>(() => {})

describe('the life of a process', () => {
  it('ends in order after SIGTERM, last registered first, a failing step included', async () => {
    const { signals, lifecycle, lines } = start()
    const order: string[] = []
    for (const name of ['http', 'source', 'engine']) {
      lifecycle.onStop(name, async () => {
        order.push(name)
        if (name === 'source') throw new Error('no')
      })
    }
    signals.emit('SIGTERM')
    expect(await lifecycle.ended()).toBe(EXIT.ok)
    expect(order).toEqual(['engine', 'source', 'http'])
    expect(lines).toContain('a stop step failed')
    expect(signals.listenerCount('SIGTERM')).toBe(0)
  })

  it('ends when the stop takes too long', async () => {
    const { signals, lifecycle } = start(new LeapingClock())
    lifecycle.onStop('hangs', forever)
    signals.emit('SIGINT')
    expect(await lifecycle.ended()).toBe(EXIT.stopTimeout)
  })

  it('ends at once at a second signal', async () => {
    const { signals, lifecycle } = start()
    lifecycle.onStop('hangs', forever)
    signals.emit('SIGTERM')
    const ended = lifecycle.ended()
    signals.emit('SIGTERM')
    expect(await ended).toBe(EXIT.stopTimeout)
  })

  it('stops what runs after a crash, and exits with the code of the first error', async () => {
    const { lifecycle } = start()
    let stopped = 0
    lifecycle.onStop('engine', async () => {
      stopped += 1
    })
    lifecycle.crash(new DaybookError('DAYBOOK_KAFKA_UNAUTHORIZED', 'no'))
    lifecycle.crash(new DaybookError('DAYBOOK_CONFIG_INVALID', 'no'))
    expect(await lifecycle.ended()).toBe(EXIT.denied)
    expect(await lifecycle.ended()).toBe(EXIT.denied)
    expect(stopped).toBe(1)
  })
})

describe('the exit code', () => {
  const cases: readonly (readonly [ErrorCode, boolean, number])[] = [
    ['DAYBOOK_CONFIG_INVALID', false, EXIT.config],
    ['DAYBOOK_KAFKA_TOPIC_CONFIG', false, EXIT.config],
    ['DAYBOOK_RUNTIME_PORT', false, EXIT.config],
    ['DAYBOOK_REGISTRY_FORBIDDEN', false, EXIT.denied],
    ['DAYBOOK_KAFKA_BROKER', true, EXIT.unavailable],
    ['DAYBOOK_ENGINE_LOG_LOST', false, EXIT.fault],
  ]
  it.each(cases)('of %s (retryable: %s) is %i', (code, retryable, exit) => {
    expect(exitCodeOf(new DaybookError(code, 'x', { retryable }))).toBe(exit)
  })

  it('of a foreign error is that of a fault', () => expect(exitCodeOf(new TypeError('x'))).toBe(EXIT.fault))
})
