import { PutObjectCommand } from '@aws-sdk/client-s3'
import { beforeAll, expect, test } from 'vitest'
import type { SourceRecord } from '../../../consumers/engine/contracts.ts'
import type { Archive } from '../../../evidence/archive.ts'
import { type EventQuery, type FoundEvent, getEvents, type QueryItem } from '../../../evidence/get.ts'
import { listObjects } from '../../../evidence/list.ts'
import { rebuildRecords } from '../../../evidence/rebuild.ts'
import { generateSigningKey, nodeCrypto, publicKeyFromPem } from '../../../proof/node.ts'
import { objectKey } from '../../../schemas/archive/key.ts'
import { type TestArchive, testArchive } from '../../support/cold/archive.ts'
import { eventRecords, FIRST_MINUTE, rangeOf } from '../../support/cold/ranges.ts'
import { toArray } from '../../support/cold/to-array.ts'
import { changed, contentOf, type RecordContent } from '../../support/records.ts'

const HOUR_MS = 3_600_000
const topic = 'audit.events.standard'
let archive: TestArchive
let reader: Archive
/** Three objects: 100 events; an hour later the first 40 of them again and 40 new ones; one more of other content. */
let records: SourceRecord[]
let all: QueryItem[]

async function collect(query: Partial<EventQuery> = {}, from = reader): Promise<QueryItem[]> {
  return toArray(getEvents(from, { topic, ...query }))
}

function found(items: readonly QueryItem[], kind: FoundEvent['kind'] = 'event'): FoundEvent[] {
  return items.flatMap((item) => ('event' in item && item.kind === kind ? [item] : []))
}

beforeAll(async () => {
  archive = await testArchive('evidence')
  reader = { store: archive.bucket.store, publicKeys: [archive.context.signer.publicKey], crypto: nodeCrypto }
  const first = eventRecords({ first: 0n, count: 100 })
  const second = eventRecords({ first: 100n, count: 140, startMs: FIRST_MINUTE + HOUR_MS })
  // The generator's events depend on seed and place alone: the first 100 of these are those of `first`.
  const repeated = [...second.slice(0, 40), ...second.slice(100)].map((record, i) =>
    changed(record, { offset: 100n + BigInt(i) }),
  )
  const altered = first
    .slice(0, 1)
    .map((record) =>
      changed(record, { offset: 180n, value: withOtherTenant(record.value ?? Buffer.alloc(0)) }),
    )
  records = [...first, ...repeated, ...altered]
  const worker = await archive.worker({
    clock: { ...archive.context.clock, now: () => FIRST_MINUTE + 3 * HOUR_MS },
  })
  for (const part of [first, repeated, altered]) {
    expect(await worker.deliver(rangeOf(archive.partition, part))).toBe('delivered')
  }
  all = await collect()
})

/** Another content under the same event id: one letter of the tenant is changed. */
function withOtherTenant(value: Buffer): Buffer {
  const changed = Buffer.from(value)
  const tenantAt = 5 + 1 + 36 + 1
  changed[tenantAt] = (changed[tenantAt] ?? 0) === 0x78 ? 0x79 : 0x78
  return changed
}

test('each event is shown once, the first by offset, and a conflict is told', () => {
  const events = found(all)
  const offsets = events.map((item) => item.offset)
  expect(offsets).toEqual([...range(0, 100), ...range(140, 180)])
  expect(new Set(events.map((item) => item.event['event_id'])).size).toBe(140)
  expect(found(all, 'conflict').map((item) => item.offset)).toEqual([180n])
  expect(events.every((item) => item.verified)).toBe(true)
})

function range(from: number, to: number): bigint[] {
  return Array.from({ length: to - from }, (_, i) => BigInt(from + i))
}

test('time, tenant and event id select', async () => {
  const events = found(all)
  const [one] = events
  const tenantId = String(one?.event['tenant_id'])
  const expected = events.filter((item) => item.event['tenant_id'] === tenantId).map((item) => item.offset)
  expect(found(await collect({ tenantId })).map((item) => item.offset)).toEqual(expected)
  expect(await collect({ tenantId: 'nobody' })).toEqual([])

  const times = events.map((item) => Number(item.event['occurred_at']))
  const [fromMs, toMs] = [times[20] ?? 0, times[60] ?? 0]
  const within = events.filter((_, i) => (times[i] ?? 0) >= fromMs && (times[i] ?? 0) < toMs)
  expect(await collect({ occurredAt: { fromMs, toMs } })).toEqual(within)

  const eventId = String(events[7]?.event['event_id'])
  expect(await collect({ eventId })).toEqual([events[7]])
  expect(await collect({ eventId: String(one?.event['event_id']) })).toHaveLength(2)
})

test('objects are listed in order, and by time', async () => {
  const keys = (await toArray(listObjects(reader, { topic }))).map(({ name }) => name.first)
  expect(keys).toEqual([0n, 100n, 180n])
  const later = { fromMs: FIRST_MINUTE + HOUR_MS }
  expect(
    (await toArray(listObjects(reader, { topic, minutes: later }))).map(({ name }) => name.first),
  ).toEqual([100n, 180n])
  const earlier = { toMs: FIRST_MINUTE + HOUR_MS }
  expect(
    (await toArray(listObjects(reader, { topic, minutes: earlier }))).map(({ name }) => name.first),
  ).toEqual([0n])
  expect(await toArray(listObjects(reader, { topic, partition: 9 }))).toEqual([])
  expect(await toArray(listObjects(reader, { topic: 'audit.events' }))).toEqual([])
})

test('every Kafka record is rebuilt', async () => {
  const rebuilt: RecordContent[] = []
  for await (const listed of listObjects(reader, { topic })) {
    for await (const record of rebuildRecords(reader, listed)) rebuilt.push(contentOf(record))
  }
  expect(rebuilt).toEqual(records.map(contentOf))
})

test('without the right public key nothing is shown', async () => {
  const stranger = { ...reader, publicKeys: [publicKeyFromPem(generateSigningKey().publicPem)] }
  await expect(collect({}, stranger)).rejects.toMatchObject({
    code: 'DAYBOOK_EVIDENCE_ALTERED',
    details: { fault: 'UNSIGNED' },
  })
})

test('more matching events than can be told apart are refused', async () => {
  const many = await testArchive('many')
  const worker = await many.worker()
  await worker.deliver(rangeOf(many.partition, eventRecords({ first: 0n, count: 2000 })))
  const from = { store: many.bucket.store, publicKeys: [many.context.signer.publicKey], crypto: nodeCrypto }
  await expect(collect({ maxEvents: 500 }, from)).rejects.toMatchObject({
    code: 'DAYBOOK_EVIDENCE_TOO_MANY_EVENTS',
  })
  expect(await collect({}, from)).toHaveLength(2000)
})

/** A bucket with the archive's objects in the same places, one of them changed, one perhaps left out. */
async function copyWith(change: (bytes: Buffer, first: bigint) => Buffer | null): Promise<Archive> {
  const copy = await testArchive('altered')
  for await (const { key, name, version } of listObjects(reader, { topic })) {
    const bytes = change(await reader.store.read({ key, versionId: version.versionId }), name.first)
    if (bytes === null) continue
    await copy.bucket.client.send(new PutObjectCommand({ Bucket: copy.bucket.name, Key: key, Body: bytes }))
  }
  return { ...reader, store: copy.bucket.store }
}

function flip(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes)
  changed.writeUInt8(changed.readUInt8(at) ^ 1, at)
  return changed
}

test('a copy of the archive reads like the archive', async () => {
  expect(await collect({}, await copyWith((bytes) => bytes))).toEqual(all)
})

test('an altered object is refused, or shown as altered where that is asked for', async () => {
  const altered = await copyWith((bytes, first) => (first === 100n ? flip(bytes, bytes.length - 100) : bytes))
  await expect(collect({}, altered)).rejects.toMatchObject({
    code: 'DAYBOOK_EVIDENCE_ALTERED',
    details: { part: 'data', fault: 'ALTERED' },
  })
  const items = await collect({ allowAltered: true }, altered)
  expect(items.filter((item) => item.kind === 'altered')).toMatchObject([{ alteration: { part: 'data' } }])
  expect(found(items).filter((item) => item.verified).length).toBeGreaterThanOrEqual(100)
})

test('a header that was changed to hide a tenant is refused', async () => {
  const hidden: string[] = []
  const altered = await copyWith((bytes) => {
    const at = bytes.indexOf('["', bytes.indexOf('daybook.tenants')) + 2
    hidden.push(bytes.toString('utf8', at, bytes.indexOf('"', at)))
    return flip(bytes, at)
  })
  const [tenantId = ''] = hidden
  expect(found(await collect({ tenantId })).length).toBeGreaterThan(0)
  await expect(collect({ tenantId }, altered)).rejects.toMatchObject({ code: 'DAYBOOK_EVIDENCE_ALTERED' })
})

test('an object under the name of another is refused', async () => {
  const copy = await testArchive('renamed')
  const [listed] = await toArray(listObjects(reader, { topic }))
  if (listed === undefined) throw new Error('nothing is listed')
  const bytes = await reader.store.read({ key: listed.key, versionId: listed.version.versionId })
  const key = objectKey({ ...listed.name, first: 5n })
  await copy.bucket.client.send(new PutObjectCommand({ Bucket: copy.bucket.name, Key: key, Body: bytes }))
  await expect(collect({}, { ...reader, store: copy.bucket.store })).rejects.toMatchObject({
    details: { fault: 'WRONG_NAME' },
  })
})

test('an object that is missing between two others is told', async () => {
  const hole = await copyWith((bytes, first) => (first === 100n ? null : bytes))
  const items = await collect({}, hole)
  expect(items.filter((item) => item.kind === 'missing')).toMatchObject([{ first: 100n, last: 179n }])
})

test('events are found by time behind a minute that is older than they are', async () => {
  const late = await testArchive('evidence-late')
  const worker = await late.worker({
    clock: { ...late.context.clock, now: () => FIRST_MINUTE + 9 * HOUR_MS },
  })
  const minute = async (first: bigint, appendTime: number, hasProducerTime: boolean) => {
    const part = eventRecords({ first, count: 3, seed: Number(first) }).map((record) =>
      Object.assign(changed(record, { appendTime }), { hasProducerTime }),
    )
    expect(await worker.deliver(rangeOf(late.partition, part))).toBe('delivered')
  }
  // Appended hours before these events occurred, as far as the keys say.
  await minute(0n, FIRST_MINUTE - 30 * HOUR_MS, false)
  await minute(3n, FIRST_MINUTE, true)
  await minute(6n, FIRST_MINUTE + 8 * HOUR_MS, false)
  const from = { store: late.bucket.store, publicKeys: [late.context.signer.publicKey], crypto: nodeCrypto }
  const listed = await toArray(listObjects(from, { topic, heldSinceMs: FIRST_MINUTE - HOUR_MS }))
  expect(listed.map(({ name }) => name.first)).toEqual([0n, 3n, 6n])
  const after = await toArray(listObjects(from, { topic, heldSinceMs: FIRST_MINUTE + 8 * HOUR_MS }))
  expect(after.map(({ name }) => name.first)).toEqual([6n])
  const before = await toArray(listObjects(from, { topic, heldSinceMs: FIRST_MINUTE - 31 * HOUR_MS }))
  expect(before.map(({ name }) => name.first)).toEqual([0n, 3n, 6n])
  const all9 = found(await collect({}, from))
  expect(all9).toHaveLength(9)
  for (const { event, offset } of all9) {
    const eventId = String(event['event_id'])
    expect(found(await collect({ eventId }, from)).map((item) => item.offset)).toEqual([offset])
  }
})

test('an event id whose time lies beyond the calendar is looked for all the same', async () => {
  expect(await collect({ eventId: 'ffffffff-ffff-7000-8000-000000000000' })).toEqual([])
})
