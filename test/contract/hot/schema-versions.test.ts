import { randomUUID } from 'node:crypto'
import avro from 'avsc'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CheckedRecord, Checker } from '../../../consumers/engine/contracts.ts'
import { settled } from '../../../consumers/engine/faults.ts'
import { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { createChecker } from '../../../consumers/records/checker.ts'
import { createCatalogue, type SchemaCatalogue } from '../../../consumers/records/schema-catalogue.ts'
import { systemClock } from '../../../runtime/clock.ts'
import type { AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import { frame } from '../../../schemas/wire.ts'
import { FakeRegistryReader } from '../../support/fakes/fake-registry-reader.ts'
import { grownSchema } from '../../support/grown-schema.ts'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
import { RECEIVED_AT, rangeOf, uuidAt } from '../../support/hot/events.ts'

const forever = new AbortController().signal
const NOW = 7
const OLDER = 3
const NIL_UUID = '00000000-0000-0000-0000-000000000000'
const NEWER = 9
/** Fields that the older version did not have yet. */
const ADDED_LATER = new Set(['approval', 'other_targets', 'metadata', 'clock_offset_ms'])
const OLDER_SCHEMA: AvroRecordSchema = {
  ...AUDIT_EVENT_SCHEMA,
  fields: AUDIT_EVENT_SCHEMA.fields.filter((field) => !ADDED_LATER.has(field.name)),
}
/** Ways to declare `corrects` that say nothing of UUIDs. */
const PLAIN = new Map<number, { readonly type: unknown; readonly default: unknown }>([
  [20, { type: ['null', 'string'], default: null }],
  [21, { type: ['string', 'null'], default: NIL_UUID }],
])
const plainSchema = (over: object): string =>
  JSON.stringify({
    ...AUDIT_EVENT_SCHEMA,
    fields: AUDIT_EVENT_SCHEMA.fields.map((field) =>
      field.name === 'corrects' ? { name: field.name, ...over } : field,
    ),
  })
const SCHEMAS = new Map([
  [NOW, AUDIT_EVENT_SCHEMA_TEXT],
  [OLDER, JSON.stringify(OLDER_SCHEMA)],
  [NEWER, JSON.stringify(grownSchema())],
  ...[...PLAIN].map(([id, over]): [number, string] => [id, plainSchema(over)]),
])
const types = new Map([...SCHEMAS].map(([id, text]) => [id, avro.Type.forSchema(JSON.parse(text))]))

function encode(schemaId: number, values: Readonly<Record<string, unknown>>): Buffer {
  const type = types.get(schemaId)
  const schema: AvroRecordSchema = JSON.parse(SCHEMAS.get(schemaId) ?? '')
  if (type === undefined) throw new RangeError('no such schema')
  const defaults = Object.fromEntries(schema.fields.map((field) => [field.name, field.default]))
  const has = new Set(schema.fields.map((field) => field.name))
  const known = Object.fromEntries(Object.entries(values).filter(([name]) => has.has(name)))
  const payload = type.toBuffer({ ...defaults, tenant_id: 'acme', occurred_at: RECEIVED_AT, ...known })
  return frame(schemaId, payload)
}

describe('schema versions that flow at once', () => {
  let db: HotDatabase
  let catalogue: SchemaCatalogue
  let checker: Checker
  beforeAll(async () => {
    db = await hotDatabase()
    const registry = new FakeRegistryReader()
    for (const [id, text] of SCHEMAS) registry.register('events-value', id, text)
    catalogue = createCatalogue({
      registry,
      subjects: ['events-value'],
      clock: systemClock,
      newest: { text: AUDIT_EVENT_SCHEMA_TEXT, schema: AUDIT_EVENT_SCHEMA },
    })
    checker = createChecker({ catalogue, maxRecordBytes: 1_048_576, clock: systemClock })
  })
  afterAll(() => db.drop())

  const sinkOf = () =>
    hotSink(db, {
      schemas: {
        table: catalogue.newest.schema,
        schemaOf: (id) => {
          catalogue.assertNotNewer(id)
          return catalogue.schemaOf(id).schema
        },
      },
    })
  async function checked(values: readonly Buffer[]): Promise<CheckedRecord[]> {
    const records = values.map((value, n) =>
      SourceRecord.of({ offset: BigInt(n), appendTime: RECEIVED_AT, key: null, value }),
    )
    await checker.prepare(records)
    return records.map((record) => ({
      record,
      verdict: settled(freshRef(), record.offset, checker.check(record)),
    }))
  }
  const freshRef = () => {
    const topicId = randomUUID()
    return { topic: `t-${topicId}`, topicId, partition: 0 }
  }

  it('older and current records go into one insert, each with what it says and defaults for the rest', async () => {
    const ref = freshRef()
    const values = Array.from({ length: 40 }, (_, n) =>
      encode(n % 2 === 0 ? OLDER : NOW, {
        event_id: uuidAt(RECEIVED_AT, n),
        action: `action.${n}`,
        reason: `reason ${n}`,
        approval: `ticket ${n}`,
        metadata: { n: String(n) },
        category: 'EXPORT',
      }),
    )
    const sink = sinkOf()
    const claim = await sink.claim(ref, forever)
    const range = rangeOf(ref, await checked(values))
    expect(await sink.deliver([{ claim, range }], forever)).toEqual(['delivered'])
    const rows = await db.rows<Record<string, unknown>>(
      `SELECT toUInt32(_offset) AS n, _schema_id AS s, action AS a, reason AS r, approval AS t, metadata AS m, category AS c, _part AS part FROM {db}.events WHERE _topic_id = '${ref.topicId}' ORDER BY _offset`,
    )
    expect(new Set(rows.map((row) => row['part'])).size).toBe(1)
    expect(rows.map(({ part: _, ...row }) => row)).toEqual(
      Array.from({ length: 40 }, (_, n) => ({
        ...{ n, a: `action.${n}`, r: `reason ${n}`, c: 'EXPORT' },
        ...(n % 2 === 0 ? { s: OLDER, t: null, m: {} } : { s: NOW, t: `ticket ${n}`, m: { n: String(n) } }),
      })),
    )
    const last = range.records.at(-2)
    if (last === undefined) throw new RangeError('no record')
    // The hash covers what the producer wrote, so that it does not change with the worker's version.
    expect(
      await db.rows(
        `SELECT lower(hex(_content_hash)) AS h FROM {db}.events WHERE _topic_id = '${ref.topicId}' AND _offset = 38`,
      ),
    ).toEqual([{ h: sink.fingerprint(last, ref).toString('hex') }])
    await sink.close()
  })

  it('a record of a version with more than the table has stops the delivery, and nothing is written', async () => {
    const ref = freshRef()
    const sink = sinkOf()
    const claim = await sink.claim(ref, forever)
    const values = [NOW, NEWER].map((id, n) => encode(id, { event_id: uuidAt(RECEIVED_AT, 100 + n) }))
    const delivery = sink.deliver([{ claim, range: rangeOf(ref, await checked(values)) }], forever)
    await expect(delivery).rejects.toMatchObject({
      code: 'DAYBOOK_SCHEMA_NEWER_THAN_WORKER',
      retryable: false,
    })
    expect(await db.number(`SELECT count() FROM {db}.events WHERE _topic_id = '${ref.topicId}'`)).toBe(0)
    await sink.close()
  })

  it.each([...PLAIN.keys()])(
    'corrects of schema %i is a UUID or bad input, whatever its type says',
    async (id) => {
      const ref = freshRef()
      const sent = ['nonsense', uuidAt(RECEIVED_AT, 300).toUpperCase(), ''].map((corrects, n) =>
        encode(id, { event_id: uuidAt(RECEIVED_AT, 310 + n), corrects }),
      )
      const records = await checked(sent)
      expect(records.map(({ verdict }) => verdict.kind)).toEqual(['bad', 'event', 'bad'])
      expect(records[0]?.verdict).toMatchObject({
        code: 'INVALID_FIELD',
        reason: expect.stringContaining('corrects'),
      })
      const sink = sinkOf()
      const claim = await sink.claim(ref, forever)
      expect(await sink.deliver([{ claim, range: rangeOf(ref, records) }], forever)).toEqual(['delivered'])
      expect(
        await db.rows(`SELECT toString(corrects) AS c FROM {db}.events WHERE _topic_id = '${ref.topicId}'`),
      ).toEqual([{ c: uuidAt(RECEIVED_AT, 300) }])
      await sink.close()
    },
  )

  it('a symbol that the schema does not have is bad input, not a stop', async () => {
    const ref = freshRef()
    const good = encode(NOW, { event_id: uuidAt(RECEIVED_AT, 201), category: 'OTHER' })
    const odd = encode(NOW, { event_id: uuidAt(RECEIVED_AT, 200), category: 'META' })
    // The index of the symbol is one byte, twice the number: the only one in which the two encodings differ but the id.
    const at = odd.findIndex((byte, i) => byte === 16 && good[i] === 0)
    odd[at] = 40
    const records = await checked([odd, good])
    expect(records[0]?.verdict).toMatchObject({ kind: 'bad', code: 'MALFORMED' })
    const sink = sinkOf()
    const claim = await sink.claim(ref, forever)
    expect(await sink.deliver([{ claim, range: rangeOf(ref, records) }], forever)).toEqual(['delivered'])
    const rows = await db.rows(
      `SELECT toUInt32(_offset) AS n, category::String AS c FROM {db}.audit WHERE _topic_id = '${ref.topicId}'`,
    )
    expect(rows).toEqual([{ n: 1, c: 'OTHER' }])
    await sink.close()
  })
})
