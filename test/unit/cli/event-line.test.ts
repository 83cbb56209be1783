import { describe, expect, it } from 'vitest'
import { parseEventLine } from '../../../cli/emit/event-line.ts'

const EVENT = {
  action: 'order.updated',
  tenant: 'acme',
  actor: { id: 'u-1', type: 'user' },
  target: { type: 'order', id: '7' },
}

function faultOf(value: unknown, tenant?: string) {
  const parsed = parseEventLine(typeof value === 'string' ? value : JSON.stringify(value), tenant)
  return parsed.ok ? null : parsed.fault
}

describe('parseEventLine', () => {
  it('takes an event apart into action and input', () => {
    const { action, ...event } = EVENT
    expect(parseEventLine(JSON.stringify(EVENT), undefined)).toEqual({ ok: true, action, event })
  })

  it('takes the default tenant only where the line states none', () => {
    const { tenant: _, ...without } = EVENT
    expect(parseEventLine(JSON.stringify(without), 'beta')).toMatchObject({ event: { tenant: 'beta' } })
    expect(parseEventLine(JSON.stringify(EVENT), 'beta')).toMatchObject({ event: { tenant: 'acme' } })
  })

  it('turns a time with its zone into milliseconds', () => {
    const line = JSON.stringify({ ...EVENT, occurredAt: '2026-11-21T12:00:00+02:00' })
    expect(parseEventLine(line, undefined)).toMatchObject({
      event: { occurredAt: Date.UTC(2026, 10, 21, 10) },
    })
  })

  it('keeps whole numbers that a JavaScript number would round', () => {
    const line = `{"action":"a","tenant":"t","changes":[{"path":"p","before":9007199254740993,"after":1.5}]}`
    expect(parseEventLine(line, undefined)).toMatchObject({
      event: { changes: [{ path: 'p', before: 9007199254740993n, after: 1.5 }] },
    })
  })

  it.each([
    ['{"action":', ''],
    ['[]', ''],
    [{ ...EVENT, actr: 1 }, 'actr'],
    [{ ...EVENT, toString: 'x' }, 'toString'],
    [{ ...EVENT, actor: { id: 5, type: 'user' } }, 'actor.id'],
    [{ ...EVENT, actor: { id: 'u', kind: 'user' } }, 'actor.kind'],
    [{ ...EVENT, changes: [{ path: 'a' }, { path: 1 }] }, 'changes[1].path'],
    [{ ...EVENT, changes: [null] }, 'changes[0]'],
    [{ ...EVENT, flags: 'x' }, 'flags'],
    [{ ...EVENT, flags: ['a', 1] }, 'flags[1]'],
    [{ ...EVENT, metadata: { a: { b: 1 } } }, 'metadata.a'],
    [{ ...EVENT, request: 'GET /' }, 'request'],
    [{ ...EVENT, outcome: 1 }, 'outcome'],
    [{ ...EVENT, occurredAt: '2026-11-21' }, 'occurredAt'],
    [{ ...EVENT, occurredAt: '2026-11-21T10:00' }, 'occurredAt'],
    [{ ...EVENT, action: '' }, 'action'],
    [{ ...EVENT, tenant: '' }, 'tenant'],
    [{ ...EVENT, tenant: '_system' }, 'tenant'],
  ])('names the field of %j', (value, field) => {
    expect(faultOf(value)?.field).toBe(field)
  })

  it('does not repeat what the line holds when it is no JSON', () => {
    expect(faultOf('{"password":"hunter2"')?.error).not.toContain('hunter2')
  })
})
