import { describe, expect, it } from 'vitest'
import { createLog } from '../../../runtime/log.ts'
import { DaybookError } from '../../../schemas/errors.ts'

function capture(level: 'info' | 'error' = 'info') {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  return { lines, log: createLog({ service: 'hot', version: '1', level, destination }) }
}

describe('the log', () => {
  it('is JSON lines with time, level and service', () => {
    const { lines, log } = capture()
    log.info({ partition: 3 }, 'claimed')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'info',
      service: 'hot',
      version: '1',
      partition: 3,
      msg: 'claimed',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    })
  })

  it('never shows secrets or payloads, also one level down', () => {
    const { lines, log } = capture()
    const secret = 'hunter2'
    log.info({ password: secret, sasl: { password: secret }, kafka: { password: secret } }, 'x')
    log.info(
      {
        value: secret,
        record: { value: secret },
        batch: { records: [secret] },
        payload: secret,
      },
      'x',
    )
    expect(lines.join('')).not.toContain(secret)
  })

  it('tells of our errors code and details, with offsets in full, and of causes name and message', () => {
    const { lines, log } = capture()
    const cause = Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    const err = new DaybookError('DAYBOOK_KAFKA_BROKER', 'lost', {
      retryable: true,
      cause,
      details: { offset: 9_007_199_254_740_993n },
    })
    log.warn({ err }, 'x')
    expect(JSON.parse(lines[0] ?? '').err).toEqual({
      code: 'DAYBOOK_KAFKA_BROKER',
      message: 'lost',
      retryable: true,
      details: { offset: '9007199254740993' },
      cause: { name: 'Error', code: 'ECONNRESET', message: 'reset', stack: expect.any(String) },
    })
  })

  it('keeps below its level silent', () => {
    const { lines, log } = capture('error')
    log.warn('x')
    expect(lines).toEqual([])
  })
})
