import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { largeEvents, smallEvents, usualEvents } from '../../../bench/events/generate.ts'
import type { AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import { ByteWriter } from '../../../schemas/bytes.ts'
import { AUDIT_EVENT_SCHEMA } from '../../../schemas/generated/audit-event.ts'
import { compileSkipper, SkipFault } from '../../../schemas/skip.ts'
import { anEvent, encodeEvent } from '../../support/events.ts'

const skipper = compileSkipper(AUDIT_EVENT_SCHEMA)
const usual = [...usualEvents({ seed: 11, count: 50 })]

function record(...fields: AvroRecordSchema['fields']): AvroRecordSchema {
  return { type: 'record', name: 'R', fields }
}

function check(schema: AvroRecordSchema, bytes: Buffer): number {
  return compileSkipper(schema, []).check(bytes, 0, bytes.length)
}

describe('a valid event', () => {
  it('passes at every size, and is canonical', () => {
    const options = { seed: 3, count: 30 }
    for (const payload of [...usual, ...smallEvents(options), ...largeEvents(options)]) {
      expect(skipper.check(payload, 0, payload.length)).toBe(0)
      expect(skipper.canonical()).toBe(true)
    }
  })

  it('is found anywhere in a buffer, and its neighbours do not matter', () => {
    const [payload = Buffer.alloc(0)] = usual
    const framed = Buffer.concat([Buffer.alloc(9, 0xff), payload, Buffer.alloc(9, 0xff)])
    expect(skipper.check(framed, 9, 9 + payload.length)).toBe(0)
    expect(framed.toString('utf8', skipper.at.event_id.start, skipper.at.event_id.end)).toMatch(
      /^[0-9a-f-]{36}$/,
    )
  })

  it('shows where its tenant and id stand', () => {
    const bytes = encodeEvent(anEvent({ tenant_id: 'münchen' }))
    skipper.check(bytes, 0, bytes.length)
    const { tenant_id: tenant, event_id: id } = skipper.at
    expect(bytes.toString('utf8', tenant.start, tenant.end)).toBe('münchen')
    expect(bytes.toString('utf8', id.start, id.end)).toBe(anEvent().event_id)
  })
})

describe('a damaged event', () => {
  it('fails when it ends early, at every byte', () => {
    for (const payload of usual.slice(0, 5)) {
      for (let end = 0; end < payload.length; end++) expect(skipper.check(payload, 0, end)).not.toBe(0)
    }
  })

  it('fails when a byte follows', () => {
    const [payload = Buffer.alloc(0)] = usual
    expect(skipper.check(Buffer.concat([payload, Buffer.from([0])]), 0, payload.length + 1)).toBe(
      SkipFault.TRAILING,
    )
    expect(skipper.faultField()).toBeNull()
  })

  it('fails where a length reaches beyond the end, whatever lies there', () => {
    const own = compileSkipper(record({ name: 'a', type: 'string' }), [])
    const bytes = Buffer.from('\x0aabcdefgh', 'latin1')
    expect(own.check(bytes, 0, 6)).toBe(0)
    expect(own.check(bytes, 0, 5)).toBe(SkipFault.LENGTH)
    expect(own.check(Buffer.from('\x01abc', 'latin1'), 0, 4)).toBe(SkipFault.LENGTH)
  })

  it('names the field that is wrong', () => {
    const bytes = encodeEvent(anEvent({ actor: { id: 'user-1', type: 'USER' } }))
    const at = bytes.indexOf('user-1') + 'user-1'.length
    bytes[at] = 14
    expect(skipper.check(bytes, 0, bytes.length)).toBe(SkipFault.ENUM_INDEX)
    expect(skipper.faultField()).toBe('actor_type')
  })

  it('fails for text that is not UTF-8, by RFC 3629', () => {
    const wrong = ['ff', 'c0af', 'e080af', 'eda080', 'f08080af', 'f4908080', 'f5808080', 'c3', 'e282', '80']
    for (const hex of wrong) {
      for (const padding of [0, 300]) {
        const text = Buffer.concat([Buffer.alloc(padding, 0x61), Buffer.from(hex, 'hex')])
        const writer = new ByteWriter()
        writer.writeBytes(text)
        expect(check(record({ name: 'a', type: 'string' }), writer.take()), hex).toBe(SkipFault.UTF8)
      }
    }
    for (const text of ['ß', '€', '😀', '\u{10ffff}', '\ud7ff\ue000']) {
      const writer = new ByteWriter()
      writer.writeString(text)
      expect(check(record({ name: 'a', type: 'string' }), writer.take())).toBe(0)
    }
  })
})

describe('values that no store can hold', () => {
  it('are UUIDs in another form', () => {
    for (const event_id of [
      '',
      'x',
      '01936f3e8a007cc39d1e0123456789ab',
      '01936f3e-8a00-7cc3-9d1e-0123456789ag',
      '{1936f3e-8a00-7cc3-9d1e-0123456789ab',
    ]) {
      const bytes = encodeEvent(anEvent({ event_id }))
      expect(skipper.check(bytes, 0, bytes.length)).toBe(SkipFault.UUID)
      expect(skipper.faultField()).toBe('event_id')
    }
    const bytes = encodeEvent(anEvent({ corrects: 'the other one' }))
    expect(skipper.check(bytes, 0, bytes.length)).toBe(SkipFault.UUID)
    expect(skipper.faultField()).toBe('corrects')
  })

  it('are times outside 1900..2299, to the millisecond', () => {
    const first = Date.UTC(1900, 0, 1)
    const last = Date.UTC(2299, 11, 31, 23, 59, 59, 999)
    const results = [first - 1, first, last, last + 1, 2n ** 63n - 1n, -(2n ** 63n)].map((occurred_at) => {
      const bytes = encodeEvent(anEvent({ occurred_at }))
      return skipper.check(bytes, 0, bytes.length)
    })
    const { TIMESTAMP } = SkipFault
    expect(results).toEqual([TIMESTAMP, 0, 0, TIMESTAMP, TIMESTAMP, TIMESTAMP])
  })
})

describe('an encoding that is valid but not ours', () => {
  const schema = record({ name: 'a', type: { type: 'array', items: 'long' } })
  const cases: readonly [string, string, boolean][] = [
    ['one block', '04020400', true],
    ['empty', '00', true],
    ['two blocks', '0202020400', false],
    ['a block with its size', '0304020400', false],
    ['a longer integer than needed', '0482000400', false],
  ]
  it.each(cases)('is told apart: %s', (_name, hex, canonical) => {
    const own = compileSkipper(schema, [])
    const bytes = Buffer.from(hex, 'hex')
    expect(own.check(bytes, 0, bytes.length)).toBe(0)
    expect(own.canonical()).toBe(canonical)
  })

  it('is an upper-case UUID', () => {
    const bytes = encodeEvent(anEvent({ event_id: anEvent().event_id.toUpperCase() }))
    expect(skipper.check(bytes, 0, bytes.length)).toBe(0)
    expect(skipper.canonical()).toBe(false)
  })
})

describe('a record made to be expensive', () => {
  const huge = ['8094ebdc03', '8080808080808008', 'feffffffffffffffff01'].map((hex) =>
    Buffer.from(hex, 'hex'),
  )
  const containers: readonly [string, AvroRecordSchema['fields'][number]['type']][] = [
    ['array of null', { type: 'array', items: 'null' }],
    ['array of empty records', { type: 'array', items: { type: 'record', name: 'Empty', fields: [] } }],
    ['array of string', { type: 'array', items: 'string' }],
    ['map of null', { type: 'map', values: 'null' }],
    ['map of string', { type: 'map', values: 'string' }],
    ['array of fixed(0)', { type: 'array', items: { type: 'fixed', name: 'Nothing', size: 0 } }],
  ]
  it.each(containers)('fails at once: %s', (_name, type) => {
    const schema = record({ name: 'a', type })
    for (const count of huge) {
      const bytes = Buffer.concat([count, Buffer.alloc(15)])
      expect(check(schema, bytes)).toBe(SkipFault.COUNT)
    }
  })

  it('fails when many small blocks add up to more zero-byte items than bytes', () => {
    const schema = record({ name: 'a', type: { type: 'array', items: 'null' } })
    expect(check(schema, Buffer.concat([Buffer.alloc(500, 0x7e), Buffer.from([0])]))).toBe(SkipFault.COUNT)
    expect(check(schema, Buffer.concat([Buffer.alloc(500, 0x02), Buffer.from([0])]))).toBe(0)
  })

  it('fails when a block lies about its size', () => {
    const schema = record({ name: 'a', type: { type: 'array', items: 'long' } })
    for (const hex of ['0306020400', '0302020400', '0301020400', '03ffffffffffffffffff0100']) {
      expect(check(schema, Buffer.from(hex, 'hex'))).toBe(SkipFault.BLOCK_SIZE)
    }
  })

  it('fails for integers beyond 64 bits, and beyond 32 where the type is int', () => {
    const longs = record({ name: 'a', type: 'long' })
    expect(check(longs, Buffer.from('ffffffffffffffffff01', 'hex'))).toBe(0)
    expect(check(longs, Buffer.from('ffffffffffffffffff02', 'hex'))).toBe(SkipFault.VARINT)
    expect(check(longs, Buffer.from('ffffffffffffffffffff01', 'hex'))).toBe(SkipFault.VARINT)
    const ints = record({ name: 'a', type: 'int' })
    expect(check(ints, Buffer.from('feffffff0f', 'hex'))).toBe(0)
    expect(check(ints, Buffer.from('8080808010', 'hex'))).toBe(SkipFault.VARINT)
  })

  it('fails when records are nested without end', () => {
    const list = record({ name: 'next', type: ['null', 'R'] })
    expect(check(list, Buffer.from('02020200', 'hex'))).toBe(0)
    expect(check(list, Buffer.concat([Buffer.alloc(100_000, 2), Buffer.from([0])]))).toBe(SkipFault.DEPTH)
  })

  it('never runs text out of a schema', () => {
    const evil = `x"];globalThis.pwned=1;//`
    const schema = record({ name: evil, type: { type: 'enum', name: evil, symbols: [evil] } })
    expect(check(schema, Buffer.from([0]))).toBe(0)
    expect('pwned' in globalThis).toBe(false)
  })
})

describe('mutated events', () => {
  const type = avro.Type.forSchema(JSON.parse(JSON.stringify(AUDIT_EVENT_SCHEMA)), { wrapUnions: false })

  it('that pass are read by avsc, to the last byte', () => {
    const mutation = fc.record({ at: fc.nat(), byte: fc.integer({ min: 0, max: 255 }) })
    let passed = 0
    fc.assert(
      fc.property(
        fc.constantFrom(...usual),
        fc.array(mutation, { minLength: 1, maxLength: 4 }),
        (payload, mutations) => {
          const bytes = Buffer.from(payload)
          for (const { at, byte } of mutations) bytes[at % bytes.length] = byte
          if (skipper.check(bytes, 0, bytes.length) !== 0) return
          passed++
          type.fromBuffer(bytes)
        },
      ),
      { numRuns: 4000 },
    )
    expect(passed).toBeGreaterThan(100)
  })

  it('cost no more than their bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 2000 }).map((b) => Buffer.from(b))
    const started = performance.now()
    fc.assert(
      fc.property(bytes, fc.constantFrom(...usual), (noise, payload) => {
        const mixed = Buffer.concat([payload.subarray(0, noise.length % payload.length), noise])
        expect(skipper.check(mixed, 0, mixed.length)).toBeTypeOf('number')
      }),
      { numRuns: 1000 },
    )
    // Far above what it takes on a busy machine, and far below what one made-up count would take.
    expect(performance.now() - started).toBeLessThan(30_000)
  }, 60_000)
})
