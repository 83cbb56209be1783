import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { usualEvents } from '../../../bench/events/generate.ts'
import { parseRecordSchema } from '../../../schemas/avro-node.ts'
import { type AvroRecordSchema, type AvroSchema, isUnion } from '../../../schemas/avro-schema.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import { relationOf, type SchemaRelation } from '../../../schemas/relation.ts'
import { compileResolver } from '../../../schemas/resolve.ts'
import { compileSkipper } from '../../../schemas/skip.ts'
import { anEvent, encodeEvent } from '../../support/events.ts'
import { grownSchema } from '../../support/grown-schema.ts'

const v1 = AUDIT_EVENT_SCHEMA
const v2 = grownSchema()
const v1Type = avroType(v1)
const v2Type = avroType(v2)

function avroType(schema: AvroRecordSchema): avro.Type {
  return avro.Type.forSchema(JSON.parse(JSON.stringify(schema)), { wrapUnions: false })
}

function relation(writer: AvroRecordSchema, newest: AvroRecordSchema): SchemaRelation {
  return relationOf(parseRecordSchema(writer), parseRecordSchema(newest))
}

function record(...fields: AvroRecordSchema['fields']): AvroRecordSchema {
  return { type: 'record', name: 'R', fields }
}

describe('the event schema', () => {
  it('can grow by fields at every level and by symbols of every enum, readable in both directions', () => {
    expect(() => v2Type.createResolver(v1Type)).not.toThrow()
    expect(() => v1Type.createResolver(v2Type)).not.toThrow()
    expect([relation(v1, v2), relation(v2, v1)]).toEqual(['older', 'newer'])
  })

  it('shows a new symbol of each enum as the default to a version that does not know it', () => {
    const old = v2Type.fromBuffer(
      compileResolver(v1, v2)(encodeEvent(anEvent()), 0, encodeEvent(anEvent()).length),
    )
    const grown = {
      ...old,
      category: 'CATEGORY_NEW',
      actor: { ...old.actor, type: 'ACTOR_TYPE_NEW', affiliation: 'AFFILIATION_NEW' },
      outcome: { ...old.outcome, status: 'OUTCOME_STATUS_NEW' },
    }
    const bytes = v2Type.toBuffer(grown)
    const seen = v1Type.fromBuffer(compileResolver(v2, v1)(bytes, 0, bytes.length))
    expect([seen.category, seen.actor.type, seen.actor.affiliation, seen.outcome.status]).toEqual([
      'OTHER',
      'OTHER',
      'UNKNOWN',
      'UNKNOWN',
    ])
  })

  it('keeps two versions readable side by side, as avsc reads them', () => {
    const up = compileResolver(v1, v2)
    const down = compileResolver(v2, v1)
    const reader = v2Type.createResolver(v1Type)
    const skipper = compileSkipper(v2)
    for (const payload of usualEvents({ seed: 9, count: 100 })) {
      const raised = Buffer.from(up(payload, 0, payload.length))
      expect(skipper.check(raised, 0, raised.length)).toBe(0)
      expect(raised.equals(v2Type.toBuffer(v2Type.fromBuffer(payload, reader)))).toBe(true)
      expect(down(raised, 0, raised.length).equals(payload)).toBe(true)
    }
  })
})

describe('re-encoding', () => {
  it('takes fields by name, in any order, drops unknown ones and fills missing ones', () => {
    const writer = record(
      { name: 'b', type: 'string' },
      { name: 'gone', type: 'long' },
      { name: 'a', type: 'int' },
    )
    const newest = record(
      { name: 'a', type: 'long' },
      { name: 'm', type: { type: 'map', values: 'int' }, default: { k: 3 } },
      { name: 'b', type: ['null', 'string'], default: null },
    )
    const bytes = avroType(writer).toBuffer({ a: -5, b: 'ü', gone: 9 })
    const result = compileResolver(writer, newest)(bytes, 0, bytes.length)
    expect(avroType(newest).fromBuffer(result)).toEqual({ a: -5, b: 'ü', m: { k: 3 } })
  })

  it('makes one canonical form out of every encoding of the same values', () => {
    const schema = record({ name: 'a', type: { type: 'array', items: 'long' } })
    const normalise = compileResolver(schema, schema)
    for (const hex of ['04020400', '0202020400', '0304020400', '0482000400']) {
      const bytes = Buffer.from(hex, 'hex')
      expect(normalise(bytes, 0, bytes.length).toString('hex')).toBe('04020400')
    }
    const upper = encodeEvent(anEvent({ event_id: anEvent().event_id.toUpperCase() }))
    expect(compileResolver(v1, v1)(upper, 0, upper.length).equals(encodeEvent(anEvent()))).toBe(true)
  })

  it('keeps all 64 bits of a long', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (sequence) => {
        const bytes = encodeEvent(anEvent({ sequence }))
        expect(compileResolver(v1, v1)(bytes, 0, bytes.length).equals(bytes)).toBe(true)
      }),
    )
  })

  it('follows recursive types', () => {
    const list = (more: AvroRecordSchema['fields']): AvroRecordSchema =>
      record(...more, { name: 'next', type: ['null', 'R'], default: null })
    const writer = list([{ name: 'a', type: 'int' }])
    const newest = list([
      { name: 'a', type: 'int' },
      { name: 'b', type: 'int', default: 7 },
    ])
    const bytes = avroType(writer).toBuffer({ a: 1, next: { a: 2, next: null } })
    const result = compileResolver(writer, newest)(bytes, 0, bytes.length)
    expect(avroType(newest).fromBuffer(result)).toEqual({ a: 1, b: 7, next: { a: 2, b: 7, next: null } })
  })

  it('refuses types that do not go together, and fields without default', () => {
    const incompatible = expect.objectContaining({ code: 'DAYBOOK_SCHEMA_INCOMPATIBLE' })
    const pairs: readonly [AvroRecordSchema, AvroRecordSchema][] = [
      [record({ name: 'a', type: 'string' }), record({ name: 'a', type: 'long' })],
      [record(), record({ name: 'a', type: 'long' })],
      [record({ name: 'a', type: ['null', 'long'] }), record({ name: 'a', type: 'long' })],
    ]
    for (const [writer, newest] of pairs) {
      expect(() => compileResolver(writer, newest)).toThrow(incompatible)
      expect(relation(writer, newest)).toBe('incompatible')
    }
  })
})

describe('growth by appended fields', () => {
  it('gives the same bytes as avsc for every version before, canonical or not', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 3 }), { minLength: 10, maxLength: 10 }),
        fc.nat({ max: 22 }),
        (cuts, fields) => {
          const older: AvroRecordSchema = {
            ...v1,
            fields: v1.fields
              .slice(0, fields)
              .map((f, i) => ({ ...f, type: withoutLast(f.type, cuts[i % 10] ?? 0) })),
          }
          const reader = v1Type.createResolver(avroType(older))
          const down = compileResolver(v1, older)
          const up = compileResolver(older, v1)
          for (const payload of usualEvents({ seed: fields, count: 3 })) {
            const old = Buffer.from(down(payload, 0, payload.length))
            const expected = v1Type.toBuffer(v1Type.fromBuffer(old, reader))
            expect(up(old, 0, old.length).equals(expected)).toBe(true)
            const framed = Buffer.concat([Buffer.from('front'), old])
            expect(up(framed, 5, framed.length).equals(expected)).toBe(true)
          }
        },
      ),
    )
  })

  it('normalises a payload that is not canonical on its way', () => {
    const upper = encodeEvent(anEvent({ event_id: anEvent().event_id.toUpperCase() }))
    const plain = encodeEvent(anEvent())
    const up = compileResolver(v1, v2)
    const expected = Buffer.from(up(plain, 0, plain.length))
    expect(up(upper, 0, upper.length).equals(expected)).toBe(true)
    const untyped: AvroRecordSchema = JSON.parse(
      AUDIT_EVENT_SCHEMA_TEXT.replaceAll(',"logicalType":"uuid"', ''),
    )
    expect(compileResolver(untyped, v2)(upper, 0, upper.length).equals(expected)).toBe(true)
  })
})

function withoutLast(type: AvroSchema, n: number): AvroSchema {
  if (typeof type === 'string' || isUnion(type) || type.type !== 'record' || type.name === 'Target')
    return type
  return { ...type, fields: type.fields.slice(0, Math.max(1, type.fields.length - n)) }
}

describe('how a schema stands to the newest', () => {
  it('is `same` when only texts differ', () => {
    const reworded: AvroRecordSchema = JSON.parse(AUDIT_EVENT_SCHEMA_TEXT.replaceAll('Display name', 'Name'))
    expect(relation(reworded, v1)).toBe('same')
  })

  it('is `older` for a subset and for another order, `newer` for a field, symbol or branch more', () => {
    const a = { name: 'a', type: 'long', default: 0 } as const
    const b = { name: 'b', type: 'string', default: '' } as const
    const e = (symbols: string[]) => record({ name: 'e', type: { type: 'enum', name: 'E', symbols } })
    expect(relation(record(a), record(a, b))).toBe('older')
    expect(relation(record(b, a), record(a, b))).toBe('older')
    expect(relation(e(['B', 'A']), e(['A', 'B']))).toBe('older')
    expect(relation(record(a, b), record(a))).toBe('newer')
    expect(relation(e(['A', 'C']), e(['A', 'B']))).toBe('newer')
    expect(
      relation(
        record({ name: 'u', type: ['null', 'long', 'string'] }),
        record({ name: 'u', type: ['null', 'long'] }),
      ),
    ).toBe('newer')
  })
})

describe('what records grow to by defaults', () => {
  const list = (...fields: AvroRecordSchema['fields']) =>
    record({
      name: 'items',
      type: { type: 'array', items: { type: 'record', name: 'I', fields } },
      default: [],
    })
  const own = { name: 'a', type: 'string', default: '' }
  const more = (bytes: number) => ({ name: 'b', type: 'string', default: 'x'.repeat(bytes) })

  it('is bounded for each item of a list by the size that it has', () => {
    expect(() => compileResolver(list(own), list(own, more(15)))).not.toThrow()
    expect(() => compileResolver(list(own), list(own, more(16)))).toThrow(/16 times/)
    expect(() => compileResolver(list(), list(own))).toThrow(/16 times/)
  })

  it('is bounded in maps, in records of items, and in records that hold themselves', () => {
    const map = (...fields: AvroRecordSchema['fields']) =>
      record({ name: 'm', type: { type: 'map', values: { type: 'record', name: 'V', fields } }, default: {} })
    expect(() => compileResolver(map(own), map(own, more(40)))).toThrow(/16 times/)
    const inner = (...fields: AvroRecordSchema['fields']) =>
      list({ name: 'inner', type: { type: 'record', name: 'N', fields }, default: {} })
    expect(() => compileResolver(inner(own), inner(own, more(40)))).toThrow(/16 times/)
    const tree = (...fields: AvroRecordSchema['fields']) => {
      const next = { name: 'next', type: ['null', 'T'], default: null }
      return record({
        name: 't',
        type: { type: 'record', name: 'T', fields: [next, ...fields] },
        default: {},
      })
    }
    expect(() => compileResolver(tree(), tree(more(40)))).toThrow(/16 times/)
    expect(() => compileResolver(tree(), tree(more(10)))).not.toThrow()
  })

  it('is counted also where it is nothing but the index of a union', () => {
    const nothing = (type: AvroSchema) =>
      list(...Array.from({ length: 20 }, (_, n) => ({ name: `n${n}`, type, default: null })))
    expect(() => compileResolver(nothing('null'), nothing(['null', 'string']))).toThrow(/16 times/)
  })

  it('is the defaults of a row, once, where nothing is a list', () => {
    expect(() => compileResolver(record(own), record(own, more(8_000)))).not.toThrow()
    const two = record(own, more(5_000), { ...more(5_000), name: 'c' })
    expect(() => compileResolver(record(own), two)).toThrow(/8192 bytes/)
  })

  it('ends where two schemas pair thousands of records', () => {
    const lists = (count: number, ...places: readonly [string, number][]) =>
      record(
        ...Array.from({ length: count }, (_, n): AvroRecordSchema['fields'][number] => {
          const fields = places
            .filter(([, back]) => back <= n)
            .map(([name, back]) => ({
              name,
              type: { type: 'array' as const, items: `T${n - back}` },
              default: [],
            }))
          return { name: `t${n}`, type: { type: 'record', name: `T${n}`, fields }, default: {} }
        }),
      )
    const [one, other] = [lists(300, ['a', 1], ['b', 2]), lists(300, ['a', 2], ['b', 1])]
    const began = performance.now()
    expect(relation(one, other)).toBe('incompatible')
    expect(() => compileResolver(one, other)).toThrow()
    expect(performance.now() - began).toBeLessThan(500)
    expect(relation(one, one)).toBe('same')
  })
})

it('memory that one large record took is not kept, and values put together elsewhere do not mix', () => {
  const items = (...names: readonly string[]) => {
    const fields = names.map((name) => ({
      name,
      type: { type: 'array' as const, items: 'string' },
      default: [],
    }))
    const inner: AvroSchema = {
      type: 'record',
      name: 'I',
      fields: [...fields, { name: 'in', type: { type: 'array', items: 'I' }, default: [] }],
    }
    return record({ name: 'all', type: { type: 'array', items: inner }, default: [] })
  }
  const [from, to] = [items('a', 'b'), items('b', 'a')]
  const [fromType, toType] = [avroType(from), avroType(to)]
  const resolver = compileResolver(from, to)
  const leaf = (n: number, size: number) => ({ a: [`a${n}`, 'x'.repeat(size)], b: [`b${n}`], in: [] })
  for (const size of [1, 5_000, 400_000, 1]) {
    const value = {
      all: [{ ...leaf(1, size), in: [leaf(2, size), { ...leaf(3, 2), in: [leaf(4, 1)] }] }, leaf(5, 3)],
    }
    const bytes = fromType.toBuffer(value)
    const moved = Buffer.from(resolver(bytes, 0, bytes.length))
    expect(moved.equals(toType.toBuffer(value))).toBe(true)
  }
})
