import { expect, it } from 'vitest'
import type { AvroRecordSchema, AvroSchema } from '../../../schemas/avro-schema.ts'
import { AUDIT_EVENT_SCHEMA } from '../../../schemas/generated/audit-event.ts'
import { ReferenceReader } from '../../../schemas/reference-reader.ts'
import { compileSkipper } from '../../../schemas/skip.ts'
import { anEvent, encodeEvent } from '../../support/events.ts'
import { agreeOnMutatedEvents, agreeOnRandomSchemas } from '../../support/reader-agreement.ts'

const reader = new ReferenceReader(AUDIT_EVENT_SCHEMA)
const isEvent = (fields: object) => {
  const bytes = encodeEvent({ ...anEvent(), ...fields })
  return reader.isEvent(bytes, 0, bytes.length)
}

it('agrees with the generated checker, under any schema, about any bytes', () => {
  agreeOnRandomSchemas(2_000)
})

it('agrees with the generated checker about events that were changed', () => {
  agreeOnMutatedEvents(2_000)
})

it('knows what no event may be without', () => {
  expect(isEvent({})).toBe(true)
  expect(isEvent({ tenant_id: '' })).toBe(false)
  expect(isEvent({ event_id: '00000000-0000-0000-0000-000000000000' })).toBe(false)
  expect(isEvent({ event_id: '00000000-0000-0000-0000-000000000001' })).toBe(true)
  expect(new ReferenceReader({ ...AUDIT_EVENT_SCHEMA, fields: [] }).isEvent(Buffer.alloc(0), 0, 0)).toBe(
    false,
  )
})

it('reads nothing beyond its bounds', () => {
  const bytes = encodeEvent(anEvent())
  const framed = Buffer.concat([Buffer.alloc(7, 0xff), bytes, Buffer.alloc(7, 0xff)])
  expect(reader.isEvent(framed, 7, 7 + bytes.length)).toBe(true)
  for (let end = 0; end < bytes.length; end++) expect(reader.isRecord(framed, 7, 7 + end)).toBe(false)
})

const record = (...types: AvroSchema[]): AvroRecordSchema => ({
  type: 'record',
  name: 'R',
  fields: types.map((type, n) => ({ name: `f${n}`, type })),
})
const longs = record({ type: 'array', items: 'long' })
const nulls = record({ type: 'array', items: 'null' })
const list = record(['null', 'R'])
const inner: AvroRecordSchema = {
  type: 'record',
  name: 'Inner',
  fields: [{ name: 'next', type: ['null', 'Inner'] }],
}
const nested = (depth: number) => `${'02'.repeat(depth)}00`

const edges: readonly [string, AvroRecordSchema, string, boolean][] = [
  ['a block with its size', longs, '0304020400', true],
  ['a block that is shorter than it says', longs, '0306020400', false],
  ['a block that is longer than it says', longs, '0302020400', false],
  ['a block of negative size', longs, '0301020400', false],
  ['items without bytes, as many as the record has bytes', nulls, '0400', true],
  ['more of them', nulls, '0600', false],
  ['more of them, in several blocks', nulls, '040400', false],
  ['more of them, in a block with its size', nulls, '070000', false],
  ['as many in a block with its size', nulls, '050000', true],
  ['the largest integer', record('long'), 'feffffffffffffffff01', true],
  ['the least integer', record('long'), 'ffffffffffffffffff01', true],
  ['an integer beyond 64 bits', record('long'), 'ffffffffffffffffff02', false],
  ['an integer of eleven bytes', record('long'), '8080808080808080808000', false],
  ['an int beyond 32 bits', record('int'), '8080808010', false],
  ['an int in more bytes than it needs', record('int'), '80808080808000', true],
  ['records nested 64 deep', list, nested(64), true],
  ['records nested 65 deep', list, nested(65), false],
  ['records nested 64 deep in a field that is a record', record(inner), nested(64), true],
  ['records nested 65 deep in a field that is a record', record(inner), nested(65), false],
  ['records nested without end', list, '02'.repeat(100_000), false],
  ['a count that nothing stands for', longs, 'feffffffffffffffff01', false],
  ['a union index out of range', record(['null', 'long']), '0400', false],
  ['a union index below zero', record(['null', 'long']), '0100', false],
]
it.each(edges)('both say the same of %s', (_name, schema, hex, isTaken) => {
  const bytes = Buffer.from(hex, 'hex')
  expect(compileSkipper(schema, []).check(bytes, 0, bytes.length) === 0).toBe(isTaken)
  expect(new ReferenceReader(schema).isRecord(bytes, 0, bytes.length)).toBe(isTaken)
})
