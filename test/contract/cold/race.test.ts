import { expect, test } from 'vitest'
import type { RegisteredSchema } from '../../../consumers/cold/writer-schemas.ts'
import type { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { readObject } from '../../../schemas/archive/object.ts'
import { testArchive } from '../../support/cold/archive.ts'
import { keysOf } from '../../support/cold/keys.ts'
import { catalogueOf, eventRecords, eventSchema, rangeOf } from '../../support/cold/ranges.ts'
import { changed } from '../../support/records.ts'

const records = eventRecords({ first: 0n, count: 60 })

test('of two workers with the same range one writes, and both have delivered it', async () => {
  const archive = await testArchive('race')
  const [a, b] = [await archive.worker(), await archive.worker()]
  const range = rangeOf(archive.partition, records)
  expect(await Promise.all([a.deliver(range), b.deliver(range)])).toEqual(['delivered', 'delivered'])
  expect(await keysOf(archive)).toHaveLength(1)
  const next = rangeOf(archive.partition, eventRecords({ first: 60n, count: 5 }))
  expect(await a.deliver(next)).toBe('delivered')
  expect(await b.deliver(next)).toBe('delivered')
  expect(archive.tampering).toEqual([])
})

test.each([
  ['shorter', 20, 60],
  ['longer', 60, 20],
])(
  'a worker that finds a %s range in its place is fenced and goes on behind it',
  async (_, winning, losing) => {
    const archive = await testArchive('adopt')
    const [a, b] = [await archive.worker(), await archive.worker()]
    expect(await a.deliver(rangeOf(archive.partition, records.slice(0, winning)))).toBe('delivered')
    expect(await b.deliver(rangeOf(archive.partition, records.slice(0, losing)))).toBe('fenced')
    expect((await b.claim.tip()).last).toBe(BigInt(winning - 1))
    const rest = [...records.slice(winning), ...eventRecords({ first: 60n, count: 3 })]
    expect(await b.deliver(rangeOf(archive.partition, rest))).toBe('delivered')
    expect((await a.claim.tip()).last).toBe(62n)
  },
)

test('a worker whose range begins before the tip is fenced without asking the store', async () => {
  const archive = await testArchive('stale')
  const a = await archive.worker()
  const range = rangeOf(archive.partition, records)
  expect(await a.deliver(range)).toBe('delivered')
  expect(await a.deliver(range)).toBe('fenced')
})

test('a range that would leave a hole is not signed', async () => {
  const archive = await testArchive('hole')
  const a = await archive.worker()
  const range = rangeOf(archive.partition, records.slice(1))
  await expect(a.deliver(range)).rejects.toMatchObject({ code: 'DAYBOOK_COLD_NOT_AT_TIP', retryable: false })
  expect(await keysOf(archive)).toHaveLength(0)
})

test('a worker that knows no schema makes the same tree', async () => {
  const archive = await testArchive('versions')
  const [a, b] = [await archive.worker({ codec: 'deflate' }), await archive.worker()]
  const range = rangeOf(archive.partition, records)
  const undecoded = {
    ...range,
    records: range.records.map(({ record }) => ({
      record,
      verdict: { kind: 'bad', code: 'UNKNOWN_SCHEMA', reason: 'test', schemaId: 7 } as const,
    })),
  }
  expect(await a.deliver(undecoded)).toBe('delivered')
  expect(await b.deliver(range)).toBe('delivered')
  expect(await keysOf(archive)).toHaveLength(1)
})

test('records of several schemas keep their exact values in one object', async () => {
  const grown: RegisteredSchema = {
    ...eventSchema,
    id: 9,
    schema: {
      ...eventSchema.schema,
      fields: [...eventSchema.schema.fields, { name: 'extra', type: 'string', default: 'none' }],
    },
  }
  const archive = await testArchive('schemas')
  const a = await archive.worker({ catalogue: catalogueOf(eventSchema, grown) })
  const mixed = records.map((record, i) => {
    if (i % 2 === 0 || record.value === null) return record
    const value = Buffer.concat([record.value, Buffer.from([6]), Buffer.from('new')])
    value.writeUInt32BE(9, 1)
    return changed(record, { value })
  })
  expect(await a.deliver(rangeOf(archive.partition, mixed))).toBe('delivered')
  const [stored] = await keysOf(archive)
  const versionId = stored?.versions[0]?.versionId ?? ''
  const object = readObject(await archive.bucket.store.read({ key: stored?.key ?? '', versionId }))
  expect(object.header.schema?.id).toBe(9)
  expect([...object.records()].map((record) => record.value)).toEqual(mixed.map((record) => record.value))
})

/** The events' schema with one more field. */
function grownTo(id: number, type: string, empty: unknown): RegisteredSchema {
  const fields = [...eventSchema.schema.fields, { name: 'extra', type, default: empty }]
  const schema = { ...eventSchema.schema, fields }
  return { id, text: JSON.stringify(schema), schema }
}

/** What a delivery of `mixed` leaves in the archive. */
async function archived(name: string, schemas: readonly RegisteredSchema[], mixed: readonly SourceRecord[]) {
  const archive = await testArchive(name)
  const catalogue = catalogueOf(...schemas)
  const a = await archive.worker({ catalogue })
  expect(await a.deliver(rangeOf(archive.partition, mixed))).toBe('delivered')
  const [stored] = await keysOf(archive)
  const versionId = stored?.versions[0]?.versionId ?? ''
  const object = readObject(await archive.bucket.store.read({ key: stored?.key ?? '', versionId }))
  expect([...object.records()].map((record) => record.value)).toEqual(mixed.map((record) => record.value))
  expect((await (await archive.worker({ catalogue })).claim.tip()).last).toBe(mixed.at(-1)?.offset)
  return object.header
}

function under(record: SourceRecord, id: number, extra: Buffer): SourceRecord {
  const value = Buffer.concat([record.value ?? Buffer.alloc(0), extra])
  value.writeUInt32BE(id, 1)
  return changed(record, { value })
}

// As two subjects may have grown: the same name, another type.
const [text, flag] = [grownTo(9, 'string', ''), grownTo(11, 'boolean', false)]
const asText = (record: SourceRecord) => under(record, 9, Buffer.from([2, 0x61]))
const asFlag = (record: SourceRecord) => under(record, 11, Buffer.from([1]))

test('an event whose schema does not go together with another harms neither it nor its partition', async () => {
  const mixed = records.map((record, i) => (i % 3 === 0 ? asText(record) : asFlag(record)))
  const header = await archived('apart', [text, flag], mixed)
  expect(header.counts).toEqual({ event: 40, tombstone: 0, quarantined: 20 })
})

test('rows take a schema that all the others can be brought into', async () => {
  const mixed = records.map((record, i) => [record, asText(record), asFlag(record)][i % 3] ?? record)
  const header = await archived('apart-common', [eventSchema, text, flag], mixed)
  expect(header.schema?.id).toBe(eventSchema.id)
  expect(header.counts).toEqual({ event: 60, tombstone: 0, quarantined: 0 })
})

test('an event that the checker took and that cannot be re-encoded harms nothing but itself', async () => {
  const mixed = records.map((record, i) => {
    if (i === 30) return changed(record, { value: record.value?.subarray(0, -3) ?? null })
    return i % 3 === 0 ? record : asText(record)
  })
  const header = await archived('apart-cut', [eventSchema, text], mixed)
  expect(header.counts).toEqual({ event: 59, tombstone: 0, quarantined: 1 })
})

test('another record at the same offset stops the partition', async () => {
  const archive = await testArchive('contradiction')
  const [a, b] = [await archive.worker(), await archive.worker()]
  expect(await a.deliver(rangeOf(archive.partition, records))).toBe('delivered')
  const other = records.map((record, i) =>
    i === 30 ? changed(record, { appendTime: record.appendTime + 1 }) : record,
  )
  const failure = await b.deliver(rangeOf(archive.partition, other)).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'DAYBOOK_COLD_CONTRADICTED', retryable: false })
  expect(String(failure)).toContain('offset 30')
})

test('an object of another key stops the partition of the worker that finds it', async () => {
  const archive = await testArchive('stranger')
  const other = await testArchive('stranger-key')
  const a = await archive.worker({
    signer: other.context.signer,
    trustedKeys: [archive.context.signer.publicKey],
  })
  const b = await archive.worker()
  expect(await a.deliver(rangeOf(archive.partition, records))).toBe('delivered')
  await expect(b.deliver(rangeOf(archive.partition, records))).rejects.toMatchObject({
    code: 'DAYBOOK_COLD_CONTRADICTED',
  })
  await expect(archive.worker()).rejects.toMatchObject({ code: 'DAYBOOK_COLD_CONTRADICTED' })
  await expect(archive.worker({ trustedKeys: [other.context.signer.publicKey] })).resolves.toBeDefined()
})
