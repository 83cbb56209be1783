import avro from 'avsc'
import { describe, expect, it } from 'vitest'
import { usualEvents } from '../../../bench/events/generate.ts'
import type { AvroField, AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import { ByteWriter } from '../../../schemas/bytes.ts'
import { AUDIT_EVENT_SCHEMA } from '../../../schemas/generated/audit-event.ts'
import { flattenedNames, spliceSchema } from '../../../schemas/splice.ts'

const prefix: readonly AvroField[] = [
  { name: '_offset', type: 'long' },
  { name: '_kind', type: { type: 'enum', name: 'Kind', symbols: ['event', 'tombstone'] } },
]

describe('a spliced schema', () => {
  const text = spliceSchema({ name: 'io.daybook.Row', prefix, writer: AUDIT_EVENT_SCHEMA })
  const row = avro.Type.forSchema(JSON.parse(text), { wrapUnions: false })
  const event = avro.Type.forSchema(JSON.parse(JSON.stringify(AUDIT_EVENT_SCHEMA)), { wrapUnions: false })

  it('reads a prefix followed by a raw payload as one row', () => {
    for (const payload of usualEvents({ seed: 2, count: 200 })) {
      const writer = new ByteWriter()
      writer.writeLong(7)
      writer.writeLong(0)
      writer.writeRaw(payload)
      const read = row.fromBuffer(writer.take())
      const whole = event.fromBuffer(payload)
      expect(read).toMatchObject({
        _offset: 7,
        _kind: 'event',
        actor_id: whole.actor.id,
        target_type: whole.target.type,
      })
      expect(read.other_targets).toEqual(whole.other_targets)
      expect(read.metadata).toEqual(whole.metadata)
    }
  })

  it('has one flat column per field, nested records included', () => {
    const names = flattenedNames(AUDIT_EVENT_SCHEMA)
    expect(names).toHaveLength(42)
    expect(names).toContain('context_user_agent')
    expect(JSON.parse(text).fields.map((f: AvroField) => f.name)).toEqual(['_offset', '_kind', ...names])
  })

  it('is the same text each time', () => {
    expect(spliceSchema({ name: 'io.daybook.Row', prefix, writer: AUDIT_EVENT_SCHEMA })).toBe(text)
  })

  it('defines a type where it is first used, also when its first field was flattened away', () => {
    const writer: AvroRecordSchema = {
      type: 'record',
      name: 'a.b.Outer',
      fields: [
        {
          name: 'one',
          type: {
            type: 'record',
            name: 'Inner',
            fields: [{ name: 'x', type: { type: 'enum', name: 'E', symbols: ['A'] } }],
          },
        },
        { name: 'two', type: 'Inner' },
        { name: 'many', type: { type: 'array', items: 'a.b.Inner' } },
        { name: 'again', type: ['null', 'E'] },
      ],
    }
    const json = spliceSchema({ name: 'Row', prefix: [], writer })
    const type = avro.Type.forSchema(JSON.parse(json), { wrapUnions: false })
    const value = { one_x: 'A', two_x: 'A', many: [{ x: 'A' }], again: 'A' }
    expect(type.fromBuffer(type.toBuffer(value))).toEqual(value)
  })

  it('refuses two columns of one name', () => {
    const writer: AvroRecordSchema = {
      type: 'record',
      name: 'R',
      fields: [{ name: '_offset', type: 'long' }],
    }
    expect(() => spliceSchema({ name: 'Row', prefix, writer })).toThrow(/_offset/)
  })
})
