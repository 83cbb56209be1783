import { describe, expect, test } from 'vitest'
import { eventually, ORDER, open } from './harness.ts'

describe('emit', () => {
  test('records an event and numbers it after producer.started', async () => {
    const { audit, transport } = open()
    const emitted = audit.emit('order.updated', ORDER)
    expect(emitted).toMatchObject({ sequence: 2, state: 'buffered', problems: [] })
    await emitted.acknowledged({ timeoutMs: 5_000 })
    expect(transport.actions).toEqual(expect.arrayContaining(['producer.started', 'order.updated']))
  })

  test.each([
    ['an unknown tenant', { ...ORDER, tenant: 'nobody' }],
    ['the system tenant', { ...ORDER, tenant: '_system' }],
    ['an empty tenant', { ...ORDER, tenant: '' }],
  ])('refuses %s', async (_name, event) => {
    const { audit, problems } = open({ tenants: (id) => id === 'acme' })
    const emitted = audit.emit('order.updated', event)
    expect(emitted).toMatchObject({ state: 'refused', sequence: 0 })
    expect(problems.map(({ code }) => code)).toEqual(['DAYBOOK_SDK_TENANT_UNKNOWN'])
    await expect(emitted.acknowledged()).rejects.toMatchObject({ code: 'DAYBOOK_SDK_NOT_ACKNOWLEDGED' })
    expect(() => audit.assertHealthy()).toThrow(/refused/)
  })

  test('takes tenant, actor and request from the context around it; what the event states wins', async () => {
    const { audit, transport } = open({ onInvalid: 'throw' })
    const context = {
      tenant: 'umbrella',
      actor: { id: 'u7', type: 'user' },
      request: { ip: '10.0.0.7', geo: 'DE' },
    }
    await audit.run({ ...context, actor: { id: 'u7', type: 'user' } }, async () => {
      await Promise.resolve()
      audit.run({ tenant: 'inner' }, () =>
        audit.emit('a.b', { target: ORDER.target, request: { geo: 'FR' } }),
      )
    })
    await audit.flush()
    const value = transport.sent.find(({ sequence }) => sequence === 2)?.value.toString('latin1') ?? ''
    for (const part of ['inner', 'u7', '10.0.0.7', 'FR']) expect(value).toContain(part)
    expect(value).not.toContain('umbrella')
  })

  test('refuses when the tenant cannot be read: a default could name the wrong one', () => {
    const { audit } = open()
    const event = new Proxy(ORDER, {
      get: () => {
        throw new Error('no')
      },
    })
    expect(audit.emit('order.updated', event).state).toBe('refused')
  })

  const circular: Record<string, unknown> = { name: 'x', big: 12n }
  circular['self'] = circular
  const throwing = {
    get secret(): string {
      throw new Error('no')
    },
  }
  const hostile: [string, unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['text', 'event'],
    ['a number', 7],
    ['an array', []],
    [
      'a getter that throws',
      {
        ...ORDER,
        get reason(): string {
          throw new Error('no')
        },
      },
    ], // prettier-ignore
    ['circular changes', { ...ORDER, changes: [{ path: 'a', after: circular }] }],
    ['BigInt and NaN', { ...ORDER, changes: [{ path: 'a', before: 12n, after: Number.NaN }] }],
    ['a getter in a change', { ...ORDER, changes: [{ path: 'a', after: throwing }] }],
    [
      'an invalid date',
      { ...ORDER, occurredAt: new Date('never'), changes: [{ path: 'a', after: new Date(Number.NaN) }] },
    ],
    ['lone surrogates', { ...ORDER, reason: '\ud800', target: { type: 'order', id: '\udfff' } }],
    [
      '__proto__',
      JSON.parse(
        '{"target":{"type":"o","id":"1"},"actor":{"id":"u","type":"user"},"metadata":{"__proto__":"x"}}',
      ),
    ],
    ['changes that are no list', { ...ORDER, changes: 'all' }],
    [
      'an array that lies',
      { ...ORDER, changes: new Proxy([], { get: (_t, name) => (name === 'length' ? 1e9 : undefined) }) },
    ],
    ['a huge sparse array', { ...ORDER, changes: new Array(1e9) }],
    ['functions and symbols', { ...ORDER, reason: () => 1, metadata: { a: Symbol('s') } }],
    ['an unknown enum', { ...ORDER, actor: { id: 'u', type: 'robot' }, outcome: 'maybe' }],
    [
      'a throwing toJSON',
      {
        ...ORDER,
        changes: [
          {
            path: 'a',
            after: {
              toJSON() {
                throw new Error('no')
              },
            },
          },
        ],
      },
    ], // prettier-ignore
  ]

  test.each(hostile)('never throws under `record`: %s', async (_name, event) => {
    const { audit, transport } = open()
    const emit: (action: unknown, event: unknown) => ReturnType<typeof audit.emit> = audit.emit.bind(
      audit,
    ) as never
    const emitted = emit('order.updated', event)
    expect(emitted.state).toBe('buffered')
    await emitted.acknowledged({ timeoutMs: 5_000 })
    expect(transport.actions).toContain('order.updated')
  })

  test('names the field that was cut and flags the event', async () => {
    const { audit, transport, problems } = open()
    const wrong: never = { type: 'robot', id: 'u' } as never
    const emitted = audit.emit('order.updated', { ...ORDER, actor: wrong })
    expect(emitted.problems).toMatchObject([{ code: 'DAYBOOK_SDK_FIELD_INVALID', field: 'actor.type' }])
    expect(problems).toMatchObject([{ field: 'actor.type', eventId: emitted.eventId }])
    await audit.flush()
    expect(transport.sent.at(-1)?.value.toString('latin1')).toContain('degraded')
  })

  const unreadable = (fields: object, name: string) =>
    Object.defineProperty({ ...fields }, name, {
      enumerable: true,
      get: () => {
        throw new Error('no')
      },
    }) as never

  test.each([
    ['reason', unreadable({ ...ORDER, traceId: 'kept-1' }, 'reason'), 'kept-1'],
    ['actor.role', { ...ORDER, actor: unreadable({ id: 'kept-2', type: 'user' }, 'role') }, 'kept-2'],
    ['request.ip', { ...ORDER, request: unreadable({ geo: 'kept-3' }, 'ip') }, 'kept-3'],
  ])('names the one field that cannot be read and keeps its neighbours: %s', async (field, event, kept) => {
    const { audit, transport } = open()
    const emitted = audit.emit('order.updated', event)
    expect(emitted.problems).toMatchObject([{ code: 'DAYBOOK_SDK_FIELD_INVALID', field }])
    await audit.flush()
    expect(transport.sent.at(-1)?.value.toString('latin1')).toContain(kept)
  })

  test('names fields in long lists by their place', () => {
    const { audit } = open()
    const changes = Array.from({ length: 40 }, (_, i) => ({ path: i === 3 || i === 33 ? '' : 'a' }))
    const otherTargets = Array.from({ length: 20 }, (_, i) => ({ type: 'x', id: i === 18 ? '' : '1' }))
    const { problems } = audit.emit('order.updated', { ...ORDER, changes, otherTargets })
    expect(problems.map(({ field }) => field).sort()).toEqual([
      'changes[33].path',
      'changes[3].path',
      'otherTargets[18].id',
    ])
  })

  test('throws the field under `throw`', () => {
    const { audit } = open({ onInvalid: 'throw' })
    expect(() => audit.emit('order.updated', { target: ORDER.target })).toThrow(
      expect.objectContaining({ code: 'DAYBOOK_SDK_FIELD_REQUIRED', details: { field: 'actor' } }),
    )
  })

  test('records an oversized event without its large fields, with hash and size of what was cut', async () => {
    const { audit, transport } = open({ maxEventBytes: 4_096 })
    const emitted = audit.emit('order.updated', {
      ...ORDER,
      changes: [{ path: 'text', after: 'x'.repeat(1e6) }],
    })
    expect(emitted.problems).toMatchObject([{ code: 'DAYBOOK_SDK_EVENT_OVERSIZED' }])
    await audit.flush()
    const value = transport.sent.at(-1)?.value
    expect(value?.length).toBeLessThan(4_096)
    for (const part of ['truncated', 'daybook.cut.sha256', 'daybook.cut.bytes']) {
      expect(value?.toString('latin1')).toContain(part)
    }
  })

  test('what onProblem throws does not reach the application', () => {
    const { audit } = open({
      onProblem: () => {
        throw new Error('handler')
      },
    })
    expect(audit.emit('order.updated', { target: ORDER.target }).state).toBe('buffered')
  })

  test('event ids grow strictly', () => {
    const { audit } = open()
    const ids = Array.from({ length: 10_000 }, () => audit.emit('order.updated', ORDER).eventId)
    expect([...ids].sort()).toEqual(ids)
    expect(new Set(ids).size).toBe(ids.length)
  })

  test('refuses after close, whose last event is producer.stopped', async () => {
    const { audit, transport } = open()
    audit.emit('order.updated', ORDER)
    expect(await audit.close()).toBe(true)
    expect(audit.emit('order.updated', ORDER).state).toBe('refused')
    await eventually(() => expect(transport.actions).toHaveLength(3))
    expect(transport.actions).toContain('producer.stopped')
  })
})
