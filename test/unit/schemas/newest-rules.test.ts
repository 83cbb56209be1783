import { describe, expect, it } from 'vitest'
import { parseRecordSchema } from '../../../schemas/avro-node.ts'
import type { AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import { AUDIT_EVENT_SCHEMA } from '../../../schemas/generated/audit-event.ts'
import { withNewestRules } from '../../../schemas/newest-rules.ts'
import { compileSkipper, SkipFault } from '../../../schemas/skip.ts'

const NIL = '00000000-0000-0000-0000-000000000000'

function underRules(name: string, type: unknown, fallback: unknown): AvroRecordSchema {
  const fields = [{ name, type, default: fallback }]
  return withNewestRules(
    JSON.parse(JSON.stringify({ type: 'record', name: 'E', fields })),
    AUDIT_EVENT_SCHEMA,
  )
}

/** A text in the branch of a union, or without one. */
function textIn(branch: number | null, text: string): Buffer {
  return Buffer.concat([
    branch === null ? Buffer.alloc(0) : Buffer.of(branch * 2),
    Buffer.of(text.length * 2),
    Buffer.from(text),
  ])
}

describe('whatever way a version declares a field, it holds', () => {
  const ways: readonly [unknown, number | null][] = [
    [['null', 'string'], 1],
    [['string', 'null'], 0],
    [['string'], 0],
    ['string', null],
    [{ type: 'string', logicalType: 'other' }, null],
    [{ type: ['null', { type: { type: 'string' } }] }, 1],
    [['long', 'null', { type: 'string', 'avro.java.string': 'String' }], 2],
  ]
  it.each(ways)('UUIDs: corrects as %j', (type, branch) => {
    const skipper = compileSkipper(underRules('corrects', type, null))
    const check = (text: string) => {
      const bytes = textIn(branch, text)
      return skipper.check(bytes, 0, bytes.length)
    }
    expect([check('nonsense'), check(NIL)]).toEqual([SkipFault.UUID, 0])
  })

  it('times: occurred_at as a plain number, in a union or not', () => {
    for (const [type, head] of [
      ['long', []],
      [['null', 'long'], [2]],
    ] as const) {
      const skipper = compileSkipper(underRules('occurred_at', type, null))
      const late = Buffer.from([...head, ...Array(8).fill(0xff), 0x7f])
      const first = Buffer.from([...head, 0])
      expect([skipper.check(late, 0, late.length), skipper.check(first, 0, first.length)]).toEqual([
        SkipFault.TIMESTAMP,
        0,
      ])
    }
  })
})

it('a rule of the writer alone holds for nothing that the newest has', () => {
  const type = [{ type: 'string', logicalType: 'uuid' }, 'null']
  const [field] = underRules('trace_id', type, '').fields
  expect(field?.type).toEqual(['string', 'null'])
})

it('a value with a rule takes the newest default, whatever the writer says', () => {
  expect(underRules('event_id', 'string', 'nonsense').fields[0]?.default).toBe(NIL)
  expect(underRules('occurred_at', 'long', 2 ** 52).fields[0]?.default).toBe(0)
  expect(underRules('action', 'string', 'own').fields[0]?.default).toBe('own')
})

it('the newest schema has rules where they are taken from: in fields of the top level', () => {
  const deeper = parseRecordSchema(AUDIT_EVENT_SCHEMA).fields.filter(({ type }) =>
    ['record', 'array', 'map'].includes(type.kind),
  )
  expect(deeper.length).toBeGreaterThan(0)
  expect(JSON.stringify(deeper)).not.toMatch(/"logicalType":"/)
})
