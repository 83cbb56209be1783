import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../../runtime/clock.ts'
import { type Dependency, StartSteps, type StartStepsOptions } from '../../../runtime/start-steps.ts'
import { DaybookError } from '../../../schemas/errors.ts'

const kafka: Dependency = { name: 'Kafka', address: 'kafka-1:9092', setting: 'DAYBOOK_KAFKA_BROKERS' }
const lines: { level: string; fields: object; message: string }[] = []
const log = {
  warn: (fields: object, message: string) => lines.push({ level: 'warn', fields, message }),
  info: (fields: object, message: string) => lines.push({ level: 'info', fields, message }),
}
const ending = { controller: new AbortController() }

beforeEach(() => {
  vi.useFakeTimers()
  lines.length = 0
  ending.controller = new AbortController()
})
afterEach(() => vi.useRealTimers())

function steps(options: Partial<StartStepsOptions> = {}): StartSteps {
  const { signal } = ending.controller
  return new StartSteps({ clock: systemClock, log, attempts: 'until it answers', signal, ...options })
}

const away = () =>
  Promise.reject(new DaybookError('DAYBOOK_KAFKA_BROKER', 'nobody there', { retryable: true }))
const passed = (ms: number) => vi.advanceTimersByTimeAsync(ms)

describe('what a start waits for', () => {
  it('is told at the first failure, with name, address and remedy, and is asked until it answers', async () => {
    const retries: string[] = []
    const made = steps({ onRetry: (code) => retries.push(code) })
    let isUp = false
    const answer = made.until(kafka, () => (isUp ? Promise.resolve('id') : away()))
    await passed(0)
    expect(lines).toMatchObject([
      {
        level: 'warn',
        fields: { dependency: 'Kafka', address: 'kafka-1:9092', err: { code: 'DAYBOOK_KAFKA_BROKER' } },
        message: expect.stringMatching(/Kafka at kafka-1:9092.*DAYBOOK_KAFKA_BROKER.*DAYBOOK_KAFKA_BROKERS/),
      },
    ])
    expect(made.check.state()).toMatchObject({ ok: false, reason: expect.stringContaining('kafka-1:9092') })
    await passed(29_000)
    expect(lines).toHaveLength(1)
    await passed(20_000)
    expect(lines).toHaveLength(2)
    isUp = true
    await passed(10_000)
    expect(await answer).toBe('id')
    expect(made.check.state()).toEqual({ ok: true })
    expect(lines.at(-1)).toMatchObject({ level: 'info', message: 'Kafka answers' })
    expect(retries.length).toBeGreaterThan(5)
    expect(new Set(retries)).toEqual(new Set(['DAYBOOK_KAFKA_BROKER']))
  })

  it('is told within seconds too where nothing comes back, not even a failure', async () => {
    const made = steps()
    made.until(kafka, () => new Promise(() => {})).catch(() => {})
    await passed(2_900)
    expect(lines).toEqual([])
    await passed(200)
    expect(lines).toMatchObject([{ level: 'warn', message: expect.stringContaining('kafka-1:9092 for 3 s') }])
  })

  it('is not told where it answers', async () => {
    const made = steps()
    expect(await made.until(kafka, () => Promise.resolve(7))).toBe(7)
    await passed(60_000)
    expect(lines).toEqual([])
  })

  it('ends with an error that does not pass', async () => {
    const made = steps()
    const refused = new DaybookError('DAYBOOK_KAFKA_UNAUTHORIZED', 'no', { scope: 'worker' })
    await expect(made.until(kafka, () => Promise.reject(refused))).rejects.toBe(refused)
    expect(made.check.state()).toEqual({ ok: true })
  })

  it('ends with the first error for whoever only checks, who is told the address', async () => {
    await expect(steps({ attempts: 'once' }).until(kafka, away)).rejects.toMatchObject({
      code: 'DAYBOOK_KAFKA_BROKER',
    })
    expect(lines).toMatchObject([{ fields: { address: 'kafka-1:9092' } }])
  })

  it.each(['asks', 'pauses'])('ends with the process while it %s', async (phase) => {
    const asked = steps().until(kafka, phase === 'asks' ? () => new Promise(() => {}) : away)
    const ended = expect(asked).rejects.toBe('told to end')
    await passed(100)
    ending.controller.abort('told to end')
    await ended
  })
})
