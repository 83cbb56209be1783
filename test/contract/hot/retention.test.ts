import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
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

it('events expire by when they were received, whenever they occurred; the tip outlives them', async () => {
  const topicId = randomUUID()
  const ref = { topic: `t-${topicId}`, topicId, partition: 0 }
  const sink = hotSink(db)
  const claim = await sink.claim(ref, forever)
  const event = (offset: bigint, receivedAt: number, occurredAt: number) =>
    eventRecord(offset, receivedAt, { id: uuidAt(occurredAt, Number(offset)), occurredAt })
  const records = [
    event(0n, RECEIVED_AT - 120 * DAY_MS, RECEIVED_AT),
    event(1n, RECEIVED_AT - 120 * DAY_MS, YEARS_AGO),
    event(2n, RECEIVED_AT - 80 * DAY_MS, YEARS_AGO),
    event(3n, RECEIVED_AT, YEARS_AGO),
  ]
  for (const [at, record] of records.entries())
    await sink.deliver([{ claim, range: rangeOf(ref, [record]) }], forever).catch((error: unknown) => {
      throw new Error(`record ${at}`, { cause: error })
    })
  await db.client.command({ query: `OPTIMIZE TABLE ${db.name}.events FINAL` })
  const left = await db.rows<{ o: string }>(
    `SELECT toString(_offset) AS o FROM {db}.audit WHERE _topic_id = '${topicId}' ORDER BY _offset`,
  )
  expect(left.map((row) => row.o)).toEqual(['2', '3'])
  await sink.close()
  const later = hotSink(db)
  expect((await (await later.claim(ref, forever)).tip()).last).toBe(3n)
  await later.close()
})

it('a partition whose events have all expired still has its tip', async () => {
  const topicId = randomUUID()
  const ref = { topic: `t-${topicId}`, topicId, partition: 0 }
  const sink = hotSink(db)
  const claim = await sink.claim(ref, forever)
  const at = RECEIVED_AT - 120 * DAY_MS
  await sink.deliver([{ claim, range: rangeOf(ref, [eventRecord(0n, at, { id: uuidAt(at, 1) })]) }], forever)
  await sink.close()
  await db.client.command({ query: `OPTIMIZE TABLE ${db.name}.events FINAL` })
  expect(await db.number(`SELECT count() FROM {db}.events WHERE _topic_id = '${topicId}'`)).toBe(0)
  const later = hotSink(db)
  expect((await (await later.claim(ref, forever)).tip()).last).toBe(0n)
  await later.close()
})
