import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { CheckedRecord, PartitionRef } from '../../../consumers/engine/contracts.ts'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
import { eventRecord, RECEIVED_AT, rangeOf, uuidAt } from '../../support/hot/events.ts'

const forever = new AbortController().signal
const DAY_MS = 86_400_000
const YEARS_AGO = Date.UTC(2020, 0, 1)

let db: HotDatabase
beforeAll(async () => {
  db = await hotDatabase()
})
afterAll(() => db.drop())

const BY_TABLE = 'MODIFY TTL toDateTime(_received_at) + INTERVAL 93 DAY'

const alter = (change: string) => db.client.command({ query: `ALTER TABLE ${db.name}.events ${change}` })
const merge = () => db.client.command({ query: `OPTIMIZE TABLE ${db.name}.events FINAL` })
/** A table that keeps rows for longer while `act` runs: what it holds afterwards has grown old there. */
async function longAgo(act: () => Promise<void>): Promise<void> {
  await alter('MODIFY TTL toDateTime(_received_at) + INTERVAL 900 DAY')
  await act()
  await alter(BY_TABLE)
}

function partition(): PartitionRef {
  const topicId = randomUUID()
  return { topic: `t-${topicId}`, topicId, partition: 0 }
}

const offsets = async ({ topicId }: PartitionRef) => {
  const rows = await db.rows<{ o: string }>(
    `SELECT toString(_offset) AS o FROM {db}.events WHERE _topic_id = '${topicId}' ORDER BY _offset`,
  )
  return rows.map((row) => Number(row.o))
}

const gapsOf = async ({ topicId }: PartitionRef) => {
  const rows = await db.rows<{ f: string; l: string; r: string }>(
    `SELECT toString(first) AS f, toString(last) AS l, reason::String AS r FROM {db}.gaps WHERE topic_id = '${topicId}' ORDER BY first`,
  )
  return rows.map(({ f, l, r }) => [Number(f), Number(l), r])
}

const event = (offset: bigint, receivedAt: number, occurredAt = YEARS_AGO): CheckedRecord =>
  eventRecord(offset, receivedAt, { id: uuidAt(occurredAt, Number(offset)), occurredAt })

/** With a time that the producer set, as in a topic with CreateTime. */
function producerTimed(checked: CheckedRecord): CheckedRecord {
  return { ...checked, record: Object.assign(checked.record, { hasProducerTime: true }) }
}

it('events expire by when they were received, whenever they occurred; the tip outlives them', async () => {
  const ref = partition()
  await longAgo(async () => {
    const sink = hotSink(db)
    const claim = await sink.claim(ref, forever)
    const records = [
      event(0n, RECEIVED_AT - 120 * DAY_MS, RECEIVED_AT),
      event(1n, RECEIVED_AT - 120 * DAY_MS),
      event(2n, RECEIVED_AT - 80 * DAY_MS),
      event(3n, RECEIVED_AT),
    ]
    expect(await sink.deliver([{ claim, range: rangeOf(ref, records) }], forever)).toEqual(['delivered'])
    expect(await gapsOf(ref)).toEqual([])
    await sink.close()
  })
  await merge()
  expect(await offsets(ref)).toEqual([2, 3])
  const later = hotSink(db)
  expect((await (await later.claim(ref, forever)).tip()).last).toBe(3n)
  await later.close()
})

it('a partition whose events have all expired still has its tip', async () => {
  const ref = partition()
  await longAgo(async () => {
    const sink = hotSink(db)
    const claim = await sink.claim(ref, forever)
    const range = rangeOf(ref, [event(0n, RECEIVED_AT - 120 * DAY_MS)])
    await sink.deliver([{ claim, range }], forever)
    await sink.close()
  })
  await merge()
  expect(await offsets(ref)).toEqual([])
  const later = hotSink(db)
  expect((await (await later.claim(ref, forever)).tip()).last).toBe(0n)
  await later.close()
})

it('events that are older than the table keeps them become gaps; merges drop nothing that was inserted', async () => {
  const ref = partition()
  const expired: number[] = []
  const sink = hotSink(db, { onExpired: (_, events) => expired.push(events) })
  const claim = await sink.claim(ref, forever)
  const now = Date.now()
  const minutes = (n: number) => now - 93 * DAY_MS + n * 60_000
  const times = [
    minutes(-100_000),
    minutes(-3),
    now,
    minutes(-2),
    minutes(60),
    now - 80 * DAY_MS,
    minutes(-1),
  ]
  const records = times.map((at, offset) => event(BigInt(offset), at))
  expect(await sink.deliver([{ claim, range: rangeOf(ref, records) }], forever)).toEqual(['delivered'])
  const kept = [2, 4, 5]
  expect(await offsets(ref)).toEqual(kept)
  await merge()
  expect(await offsets(ref)).toEqual(kept)
  expect(await gapsOf(ref)).toEqual([
    [0, 1, 'expired'],
    [3, 3, 'expired'],
    [6, 6, 'expired'],
  ])
  expect(expired).toEqual([4])
  expect((await claim.tip()).last).toBe(6n)
  const old = rangeOf(ref, [event(7n, minutes(-9)), event(8n, minutes(-9))])
  expect(await sink.deliver([{ claim, range: old }], forever)).toEqual(['delivered'])
  expect((await claim.tip()).last).toBe(8n)
  await sink.close()
})

it('a time that no broker gave decides nothing: such rows are received now', async () => {
  const ref = partition()
  const sink = hotSink(db)
  const claim = await sink.claim(ref, forever)
  const now = Date.now()
  const records = [
    producerTimed(event(0n, RECEIVED_AT - 900 * DAY_MS)),
    producerTimed(event(1n, now + 900 * DAY_MS)),
    event(2n, Date.UTC(2200, 0, 1)),
    event(3n, -1),
    event(4n, now + DAY_MS / 2),
  ]
  expect(await sink.deliver([{ claim, range: rangeOf(ref, records) }], forever)).toEqual(['delivered'])
  await merge()
  expect(await offsets(ref)).toEqual([0, 1, 2, 3, 4])
  expect(await gapsOf(ref)).toEqual([])
  const received = await db.rows<{ ms: string }>(
    `SELECT toString(toUnixTimestamp64Milli(_received_at)) AS ms FROM {db}.events WHERE _topic_id = '${ref.topicId}' ORDER BY _offset`,
  )
  const ahead = received.map(({ ms }) => Number(ms) - now)
  for (const ms of ahead.slice(0, 4)) expect(Math.abs(ms)).toBeLessThan(60_000)
  expect(ahead[4]).toBe(DAY_MS / 2)
  await sink.close()
})

it.each([
  [
    'moves',
    'toDateTime(_received_at) + INTERVAL 9 DAY RECOMPRESS CODEC(ZSTD(9)), toDateTime(_received_at) + INTERVAL 10 DAY DELETE',
  ],
  ['is a date', 'toDate(_received_at) + INTERVAL 10 DAY'],
  ['goes by months', 'toStartOfDay(_received_at) + INTERVAL 1 MONTH'],
])('what is inserted under a TTL that %s is not dropped by the next merge', async (_, ttl) => {
  const ref = partition()
  await alter(`MODIFY TTL ${ttl}`)
  const sink = hotSink(db)
  const claim = await sink.claim(ref, forever)
  const now = Date.now()
  const days = [0, 1, 5, 8, 9, 10, 11, 12, 27, 28, 29, 30, 31, 32, 40]
  const records = days.map((day, n) => event(BigInt(n), now - day * DAY_MS))
  const merges = (what: 'STOP' | 'START') =>
    db.client.command({ query: `SYSTEM ${what} MERGES ${db.name}.events` })
  await merges('STOP')
  expect(await sink.deliver([{ claim, range: rangeOf(ref, records) }], forever)).toEqual(['delivered'])
  const kept = await offsets(ref)
  expect(kept.length).toBeGreaterThan(3)
  expect(kept.length).toBeLessThan(days.length)
  await merges('START')
  await alter('MODIFY SETTING ttl_only_drop_parts = 0')
  await merge()
  expect(await offsets(ref)).toEqual(kept)
  await alter('MODIFY SETTING ttl_only_drop_parts = 1')
  await sink.close()
  await alter(BY_TABLE)
})

it.each([
  ["toDateTime(_received_at) + INTERVAL 1 DAY DELETE WHERE tenant_id = 'a'", 'WHERE'],
  ["toDateTime(_received_at) + toIntervalDay(if(tenant_id = 'a', 1, 2))", 'another column'],
])('a TTL by which rows of one age differ stops the partition: %s', async (ttl, words) => {
  const ref = partition()
  await alter(`MODIFY TTL ${ttl}`)
  const sink = hotSink(db)
  const claim = await sink.claim(ref, forever)
  await expect(
    sink.deliver([{ claim, range: rangeOf(ref, [event(0n, Date.now())]) }], forever),
  ).rejects.toMatchObject({
    ...{ code: 'DAYBOOK_HOT_TTL_UNSUPPORTED', scope: 'partition', retryable: false },
    message: expect.stringContaining(words),
  })
  await sink.close()
  await alter(BY_TABLE)
})
