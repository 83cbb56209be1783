import { readFileSync } from 'node:fs'
import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { usualEvents } from '../../../bench/events/generate.ts'
import { parseRecordSchema, type RecordNode } from '../../../schemas/avro-node.ts'
import { generatedFiles, readEventSchema } from '../../../schemas/generate.ts'
import {
  AUDIT_EVENT_SCHEMA,
  AUDIT_EVENT_SCHEMA_TEXT,
  type AuditEventInput,
  CATEGORY_SYMBOLS,
} from '../../../schemas/generated/audit-event.ts'
import { withMapEntries } from '../../../schemas/map-entries.ts'
import { anEvent, encodeEvent } from '../../support/events.ts'

const type = avro.Type.forSchema(JSON.parse(AUDIT_EVENT_SCHEMA_TEXT), { wrapUnions: false })

describe('generated files', () => {
  it.each([...generatedFiles(readEventSchema())])('%s is what the generator gives', (path, content) => {
    expect(readFileSync(new URL(`../../../schemas/${path}`, import.meta.url), 'utf8')).toBe(content)
  })

  it('hold the schema as it stands in its file', () => {
    expect(AUDIT_EVENT_SCHEMA).toEqual(JSON.parse(readEventSchema()))
    expect(CATEGORY_SYMBOLS[0]).toBe('OTHER')
  })
})

describe('the event schema', () => {
  it('gives every field a default and a text, and every enum a default symbol, or it could not grow', () => {
    const visit = (record: RecordNode): void => {
      for (const field of record.fields) {
        expect(field.default, field.name).toBeDefined()
        expect(field.doc, field.name).not.toBeNull()
        if (field.type.kind === 'record') visit(field.type)
        if (field.type.kind === 'array' && field.type.items.kind === 'record') visit(field.type.items)
        if (field.type.kind === 'enum') expect(field.type.symbols).toContain(field.type.default)
        if (field.type.kind === 'union') expect(field.type.branches[1]?.kind).not.toBe('record')
      }
    }
    visit(parseRecordSchema(AUDIT_EVENT_SCHEMA))
  })
})

describe('the generated encoder', () => {
  it('writes what avsc writes', () => {
    for (const payload of usualEvents({ seed: 21, count: 200 })) {
      const event = type.fromBuffer(payload)
      expect(encodeEvent(event).equals(type.toBuffer(event))).toBe(true)
    }
  })

  it('writes what avsc writes for any text', () => {
    // avsc makes objects of maps by assignment, which loses the key `__proto__`; of entries it loses none.
    const exact = avro.Type.forSchema(JSON.parse(withMapEntries(AUDIT_EVENT_SCHEMA_TEXT)), {
      wrapUnions: false,
    })
    const text = fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 200 }),
      fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'),
    )
    const texts = fc.array(fc.tuple(text, text), { maxLength: 10 })
    fc.assert(
      fc.property(text, texts, fc.array(text), (reason, entries, flags) => {
        // As JSON.parse makes it: the key `__proto__` is a key as any other.
        const metadata: Readonly<Record<string, string>> = Object.fromEntries(entries)
        const bytes = encodeEvent(anEvent({ reason, metadata, flags }))
        const read = exact.fromBuffer(bytes)
        expect(bytes.equals(exact.toBuffer(read))).toBe(true)
        expect(read).toMatchObject({ reason, flags })
        expect(read.metadata.map((e: { key: string; value: string }) => [e.key, e.value])).toEqual(
          Object.entries(metadata),
        )
      }),
    )
  })

  it('fills what is left out with the schema defaults', () => {
    const read = type.fromBuffer(encodeEvent(anEvent()))
    const nothing = avro.Type.forSchema({ type: 'record', name: 'io.daybook.AuditEvent', fields: [] })
    const defaults = type.fromBuffer(Buffer.alloc(0), type.createResolver(nothing))
    expect(read).toEqual({ ...defaults, ...anEvent() })
  })

  it('names the field whose value does not fit, and never shows the value', () => {
    const secret = 'S3cret'
    const wrong: readonly [string, object][] = [
      ['tenant_id', { tenant_id: 7 }],
      ['occurred_at', { occurred_at: 1.5 }],
      ['sequence', { sequence: secret }],
      ['category', { category: secret }],
      ['reason', { reason: [secret] }],
      ['Change.path', { changes: [{}] }],
      ['flags[]', { flags: [null] }],
      ['metadata{}', { metadata: { a: 1 } }],
      ['actor', { actor: null }],
    ]
    for (const [field, fields] of wrong) {
      const event: AuditEventInput = Object.assign({ ...anEvent() }, fields)
      expect(() => encodeEvent(event)).toThrow(
        expect.objectContaining({
          code: 'DAYBOOK_EVENT_UNENCODABLE',
          details: { field },
          message: expect.not.stringContaining(secret),
        }),
      )
    }
  })
})
