import { describe, expect, test } from 'vitest'
import { isLaterMinute } from '../../../consumers/cold/minute.ts'
import type { Range } from '../../../consumers/engine/contracts.ts'
import type { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { readObject } from '../../../schemas/archive/object.ts'
import { type TestArchive, testArchive } from '../../support/cold/archive.ts'
import { keysOf } from '../../support/cold/keys.ts'
import { eventRecords, FIRST_MINUTE, rangeOf } from '../../support/cold/ranges.ts'
import { DAY_MS, testClock } from '../../support/cold/sink.ts'
import { changed } from '../../support/records.ts'

/** Of the init record: when the tests' clock stands. */
const INIT_MINUTE = '09/40'
const RETENTION_MS = 3650 * DAY_MS

const YEAR_2100 = Date.UTC(2100, 0, 1)
const TIMES: readonly (readonly [string, number])[] = [
  ['far future', YEAR_2100],
  ['far past', 0],
  ['before 1970', -86_400_000_000_000],
  ['no time', -1],
  ['2^53', 2 ** 53],
  ['-2^53', -(2 ** 53)],
  ['2^53 + 2', 2 ** 53 + 2],
  ['beyond all calendars', 2 ** 62],
  ['the greatest', 2 ** 63],
  ['the least', -(2 ** 63)],
]

/** The record as a producer sent it with a time of its own. */
function claiming(record: SourceRecord, appendTime: number): SourceRecord {
  return Object.assign(changed(record, { appendTime }), { hasProducerTime: true })
}

const minutesOf = async (archive: TestArchive) =>
  (await keysOf(archive)).map(({ key }) => /\/(\d\d\/\d\d)-\d{20}\.avro$/.exec(key)?.[1])

async function objectAt(archive: TestArchive, index: number) {
  const stored = (await keysOf(archive))[index]
  const version = { key: stored?.key ?? '', versionId: stored?.versions[0]?.versionId ?? '' }
  const { retainUntil } = await archive.bucket.store.lockOf(version)
  return { object: readObject(await archive.bucket.store.read(version)), retainUntil: Number(retainUntil) }
}

describe.each(TIMES)('a producer that claims %s', (_, time) => {
  test('decides neither minute nor lock, and what it claims is kept', async () => {
    const archive = await testArchive('claims')
    const [a, b] = [await archive.worker(), await archive.worker()]
    const records = eventRecords({ first: 0n, count: 6 })
    const claimed = rangeOf(
      archive.partition,
      records.slice(0, 3).map((record) => claiming(record, time)),
    )
    expect(await a.deliver(claimed)).toBe('delivered')
    expect(await b.deliver(claimed)).toBe('delivered')
    expect(await minutesOf(archive)).toEqual([INIT_MINUTE])
    const { object, retainUntil } = await objectAt(archive, 0)
    expect([...object.records()].map((record) => record.appendTime)).toEqual([time, time, time])
    expect(object.header.appendTime).toEqual({ min: time, max: time })
    expect(retainUntil).toBe(FIRST_MINUTE + 10 * 60_000 + RETENTION_MS)
    // Verified from the store, and gone on from.
    const c = await archive.worker()
    expect((await c.claim.tip()).lastRecord).toMatchObject({ offset: 2n })
    const last = claimed.records[2]
    if (last === undefined) throw new Error('no record')
    expect((await c.claim.tip()).lastRecord?.hash).toEqual(c.sink.fingerprint(last, archive.partition))
    expect(await c.deliver(rangeOf(archive.partition, records.slice(3)))).toBe('delivered')
  })

  test('cuts no range', () => {
    const [record] = eventRecords({ first: 0n, count: 1 })
    if (record === undefined) throw new Error('no record')
    const honest = changed(record, { appendTime: FIRST_MINUTE })
    const claimed = claiming(record, time)
    expect(isLaterMinute(honest, claimed)).toBe(false)
    expect(isLaterMinute(claimed, honest)).toBe(false)
    expect(isLaterMinute(claimed, claimed)).toBe(false)
    expect(isLaterMinute(honest, changed(record, { appendTime: FIRST_MINUTE + 60_000 }))).toBe(true)
  })
})

test('between ranges that a broker dated, the minute of the one before counts', async () => {
  const archive = await testArchive('claims-between')
  const worker = await archive.worker()
  const dated = (first: bigint, startMs: number) => eventRecords({ first, count: 2, startMs })
  const deliver = (records: readonly SourceRecord[]) => worker.deliver(rangeOf(archive.partition, records))
  await deliver(dated(0n, FIRST_MINUTE))
  await deliver(dated(2n, FIRST_MINUTE).map((record) => claiming(record, YEAR_2100)))
  await deliver(dated(4n, FIRST_MINUTE + 120_000))
  await deliver(dated(6n, FIRST_MINUTE).map((record, i) => claiming(record, i === 0 ? -1 : 2 ** 53)))
  await deliver(dated(8n, FIRST_MINUTE + 60_000))
  expect(await minutesOf(archive)).toEqual(['09/30', '09/30', '09/32', '09/32', '09/32'])
})

test('a partition that was quiet for longer than its class takes records without a time of a broker', async () => {
  const archive = await testArchive('claims-quiet')
  const worker = await archive.worker()
  const [first, second] = [eventRecords({ first: 0n, count: 2 }), eventRecords({ first: 2n, count: 2 })]
  expect(await worker.deliver(rangeOf(archive.partition, first))).toBe('delivered')
  const now = FIRST_MINUTE + 2 * RETENTION_MS
  const later = await archive.worker({ clock: { ...testClock, now: () => now } })
  const claimed = second.map((record) => claiming(record, 0))
  expect(await later.deliver(rangeOf(archive.partition, claimed))).toBe('delivered')
  expect(await minutesOf(archive)).toEqual(['09/30', '09/30'])
  expect((await objectAt(archive, 1)).retainUntil).toBe(now + RETENTION_MS)
})

test('the rest of a batch that only one reader version takes apart does not move the minute', async () => {
  const archive = await testArchive('claims-rest')
  const [older, newer] = [
    await archive.worker({ readerVersion: 1 }),
    await archive.worker({ readerVersion: 2 }),
  ]
  const batch = eventRecords({ first: 0n, count: 5 })
  const next = eventRecords({ first: 5n, count: 2, startMs: FIRST_MINUTE + 120_000 })
  const standIn = rangeOf(archive.partition, batch.slice(0, 1))
  expect(await older.deliver(standIn)).toBe('delivered')
  expect((await newer.claim.tip()).last).toBe(0n)
  const rest = { first: 1n, last: 4n, reason: 'quarantined', brokerTime: FIRST_MINUTE } as const
  const asGap: Range = rangeOf(archive.partition, next, [rest])
  const asRecords = rangeOf(archive.partition, [...batch.slice(1), ...next])
  expect(await older.deliver(asGap)).toBe('delivered')
  expect(await newer.deliver(asRecords)).toBe('delivered')
  expect(await minutesOf(archive)).toEqual(['09/30', '09/30'])
})
