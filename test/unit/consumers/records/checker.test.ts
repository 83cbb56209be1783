import { describe, expect, it } from 'vitest'
import type { Unsettled, Verdict } from '../../../../consumers/engine/contracts.ts'
import { SourceRecord } from '../../../../consumers/engine/source-record.ts'
import { createChecker } from '../../../../consumers/records/checker.ts'
import { createCatalogue } from '../../../../consumers/records/schema-catalogue.ts'
import type { Clock } from '../../../../runtime/clock.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../../../../schemas/generated/audit-event.ts'
import { compileResolver } from '../../../../schemas/resolve.ts'
import { SkipFault } from '../../../../schemas/skip.ts'
import { frame } from '../../../../schemas/wire.ts'
import { anEvent, encodeEvent } from '../../../support/events.ts'
import { FakeRegistryReader } from '../../../support/fakes/fake-registry-reader.ts'
import { grownSchema } from '../../../support/grown-schema.ts'
import { contentOf } from '../../../support/records.ts'

const avro = (text: string) => ({ text, schemaType: 'AVRO' })
const field = (name: string, type: unknown) => ({ name, type, default: '' })
const SCHEMAS: Readonly<Record<number, { text: string; schemaType: string }>> = {
  1: avro(AUDIT_EVENT_SCHEMA_TEXT),
  2: avro(JSON.stringify(grownSchema())),
  3: avro(AUDIT_EVENT_SCHEMA_TEXT.replace('"AuditEvent"', '"Order"')),
  4: { text: '{}', schemaType: 'JSON' },
  5: avro('{"type":"record"'),
  6: avro('"string"'),
  7: avro(
    JSON.stringify({ type: 'record', name: 'io.daybook.AuditEvent', fields: [field('reason', 'string')] }),
  ),
  8: avro(
    JSON.stringify({
      type: 'record',
      name: 'io.daybook.AuditEvent',
      fields: [{ name: 'tenant_id', type: 'long' }],
    }),
  ),
  9: avro(AUDIT_EVENT_SCHEMA_TEXT.replace('"One audit event', '"An audit event')),
  11: avro(
    JSON.stringify({
      type: 'record',
      name: 'io.daybook.AuditEvent',
      fields: AUDIT_EVENT_SCHEMA.fields.slice(0, 10).map(({ name, type }) => ({ name, type })),
    }),
  ),
  12: avro(AUDIT_EVENT_SCHEMA_TEXT.replace('"fields":[', '"fields":[{"name":"extra","type":"long"},')),
  10: avro(AUDIT_EVENT_SCHEMA_TEXT.replaceAll(/,"logicalType":"[a-z-]+"/g, '')),
}
const SUBJECT = 'audit.events.standard-value'
const clock: Clock = { now: () => 0, sleep: async () => undefined, after: () => () => undefined }

function create(options: { takesNewer?: boolean } = {}) {
  const registry = new FakeRegistryReader()
  for (const [id, { text, schemaType }] of Object.entries(SCHEMAS))
    registry.register(SUBJECT, Number(id), text, schemaType)
  const newest = { text: AUDIT_EVENT_SCHEMA_TEXT, schema: AUDIT_EVENT_SCHEMA }
  const catalogue = createCatalogue({ registry, clock, newest, subjects: [SUBJECT] })
  return {
    registry,
    catalogue,
    checker: createChecker({ catalogue, maxRecordBytes: 10_000, clock, ...options }),
  }
}

const record = (value: Buffer | null) => SourceRecord.of({ offset: 0n, appendTime: 0, key: null, value })

async function verdictOf(value: Buffer | null, made = create()): Promise<Verdict | Unsettled> {
  const one = record(value)
  await made.checker.prepare([one])
  return made.checker.check(one)
}

const event = encodeEvent(anEvent())

describe('a record', () => {
  it('is an event when its bytes are one', async () => {
    expect(await verdictOf(frame(1, event))).toEqual({
      kind: 'event',
      schemaId: 1,
      payloadStart: 5,
      canonical: true,
    })
  })

  it('is told apart when its bytes are valid but not canonical', async () => {
    const upper = encodeEvent(anEvent({ event_id: anEvent().event_id.toUpperCase() }))
    expect(await verdictOf(frame(1, upper))).toMatchObject({ kind: 'event', canonical: false })
    expect(await verdictOf(frame(10, upper))).toMatchObject({ kind: 'event', canonical: false })
  })

  it('is a tombstone without a value, and bad with an empty one', async () => {
    expect(await verdictOf(null)).toEqual({ kind: 'tombstone' })
    expect(await verdictOf(Buffer.alloc(0))).toMatchObject({ code: 'NOT_WIRE_FORMAT', schemaId: null })
  })

  it('is bad for the reason that the source gives, whatever its bytes, and asks the registry nothing', async () => {
    const { checker, registry } = create()
    const fault = { code: 'OVERSIZED', reason: 'a batch' } as const
    const whole = SourceRecord.of({ ...contentOf(record(frame(1, event))), fault })
    await checker.prepare([whole])
    expect(checker.check(whole)).toEqual({ kind: 'bad', ...fault, schemaId: null })
    expect(registry.asked).toEqual([])
  })

  const bad: readonly [string, string, Buffer][] = [
    ['JSON', 'NOT_WIRE_FORMAT', Buffer.from('{"event":1}')],
    ['an id that the registry does not know', 'UNKNOWN_SCHEMA', frame(77, event)],
    ['a schema of another name', 'WRONG_SCHEMA', frame(3, event)],
    ['a JSON schema', 'WRONG_SCHEMA', frame(4, event)],
    ['a schema that is no JSON', 'WRONG_SCHEMA', frame(5, event)],
    ['a schema that is no record', 'WRONG_SCHEMA', frame(6, event)],
    ['a schema of that name with other types', 'WRONG_SCHEMA', frame(8, event)],
    ['bytes that end early', 'MALFORMED', frame(1, event.subarray(0, 60))],
    ['bytes that go on', 'MALFORMED', frame(1, Buffer.concat([event, event]))],
    ['an id that is no UUID', 'INVALID_FIELD', frame(1, encodeEvent(anEvent({ event_id: 'order-1' })))],
    [
      'the nil UUID as its id',
      'INVALID_FIELD',
      frame(1, encodeEvent(anEvent({ event_id: '00000000-0000-0000-0000-000000000000' }))),
    ],
    ['no tenant', 'INVALID_FIELD', frame(1, encodeEvent(anEvent({ tenant_id: '' })))],
    ['a field more that has no default', 'WRONG_SCHEMA', frame(12, event)],
    ['no id and no tenant in its schema', 'INVALID_FIELD', frame(7, Buffer.from([0]))],
    ['an absurd date', 'INVALID_FIELD', frame(1, encodeEvent(anEvent({ occurred_at: 1e15 })))],
    [
      'an id that is no UUID, though its schema asks for none',
      'INVALID_FIELD',
      frame(10, encodeEvent(anEvent({ event_id: 'order-1' }))),
    ],
    [
      'an absurd date, though its schema asks for none',
      'INVALID_FIELD',
      frame(10, encodeEvent(anEvent({ occurred_at: 1e15 }))),
    ],
    ['more bytes than allowed', 'OVERSIZED', frame(1, Buffer.alloc(10_000))],
  ]
  it.each(bad)('is bad with %s', async (_name, code, value) => {
    expect(await verdictOf(value)).toMatchObject({ kind: 'bad', code })
  })

  it('is described without its contents', async () => {
    const verdict = await verdictOf(frame(1, encodeEvent(anEvent({ event_id: 'secret' }))))
    expect(verdict).toMatchObject({ reason: expect.stringContaining('event_id') })
    expect(JSON.stringify(verdict)).not.toContain('secret')
  })
})

describe('a record that a good checker would take', () => {
  const made = create()
  const one = record(frame(1, event))
  const broken = () => {
    // As a fault in the generated code would do it.
    const entry = made.catalogue.entry(1)
    if (entry?.kind !== 'event') throw new TypeError('not loaded')
    Object.assign(entry.known.skipper, { check: () => SkipFault.LENGTH })
  }

  it('is disputed, and not the fault of its producer', async () => {
    await made.checker.prepare([one])
    broken()
    expect(made.checker.check(one)).toEqual({
      kind: 'disputed',
      schemaId: 1,
      reason: expect.stringContaining('a length'),
    })
  })

  it('is bad all the same when the second reader refuses it too', async () => {
    const cut = record(frame(1, event.subarray(0, 60)))
    await made.checker.prepare([cut])
    expect(made.checker.check(cut)).toMatchObject({ kind: 'bad', code: 'MALFORMED' })
  })
})

describe('a good event of a newer schema', () => {
  const upgrade = compileResolver(AUDIT_EVENT_SCHEMA, grownSchema())
  const grown = Buffer.from(upgrade(event, 0, event.length))

  it('is an event for a store that takes it as it is', async () => {
    expect(await verdictOf(frame(2, grown))).toMatchObject({ kind: 'event', schemaId: 2 })
  })

  it('is told apart for a store whose table has no place for it', async () => {
    const made = create({ takesNewer: false })
    expect(await verdictOf(frame(2, grown), made)).toEqual({ kind: 'newer', schemaId: 2 })
    expect(await verdictOf(frame(1, event), made)).toMatchObject({ kind: 'event' })
  })

  it('is bad once its schema was deleted for good, also for a worker that has loaded it', async () => {
    const made = create({ takesNewer: false })
    expect(await verdictOf(frame(2, grown), made)).toMatchObject({ kind: 'newer' })
    made.registry.destroy(SUBJECT)
    made.registry.register(SUBJECT, 1, AUDIT_EVENT_SCHEMA_TEXT)
    expect(await verdictOf(frame(2, grown), made)).toMatchObject({ kind: 'bad', code: 'UNKNOWN_SCHEMA' })
    expect(await verdictOf(frame(1, event), made)).toMatchObject({ kind: 'event' })
  })

  it('is bad when it is bad, for every store', async () => {
    const made = create({ takesNewer: false })
    expect(await verdictOf(frame(2, Buffer.from([1])), made)).toMatchObject({ kind: 'bad' })
  })
})

describe('the catalogue', () => {
  it('says how each schema stands to the newest', async () => {
    const { catalogue } = create()
    await catalogue.load([1, 2, 7, 9])
    expect([1, 2, 7, 9].map((id) => catalogue.schemaOf(id).relation)).toEqual([
      'same',
      'newer',
      'older',
      'same',
    ])
    await catalogue.load([11])
    expect(catalogue.schemaOf(11).relation).toBe('older')
    expect(catalogue.schemaOf(11).schema.fields.every((f) => f.default !== undefined)).toBe(true)
    expect(catalogue.schemaOf(9).text).toBe(
      AUDIT_EVENT_SCHEMA_TEXT.replace('"One audit event', '"An audit event'),
    )
  })

  it('stops a store whose table cannot take what a newer schema says', async () => {
    const { catalogue } = create()
    await catalogue.load([1, 2, 7])
    expect(() => catalogue.assertNotNewer(1)).not.toThrow()
    expect(() => catalogue.assertNotNewer(7)).not.toThrow()
    expect(() => catalogue.assertNotNewer(2)).toThrow(
      expect.objectContaining({ code: 'DAYBOOK_SCHEMA_NEWER_THAN_WORKER', retryable: false }),
    )
  })
})
