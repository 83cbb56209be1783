import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
import { eventRecord, RECEIVED_AT, rangeOf, uuidAt } from '../../support/hot/events.ts'

const forever = new AbortController().signal
let db: HotDatabase
beforeAll(async () => {
  db = await hotDatabase()
})
afterAll(() => db.drop())

it('tells of copies and of conflicts, each under its topic', async () => {
  const topicId = randomUUID()
  const ref = { topic: `t-${topicId}`, topicId, partition: 0 }
  const found: [string, string, number][] = []
  const sink = hotSink(db, { onCopies: (...each) => found.push(each) })
  const event = (offset: bigint, n: number, reason?: string) =>
    eventRecord(offset, RECEIVED_AT + Number(offset), {
      id: uuidAt(RECEIVED_AT, Number.parseInt(topicId.slice(0, 8), 16) * 256 + n),
      ...(reason === undefined ? {} : { reason }),
    })
  for (const records of [
    [event(0n, 1), event(1n, 2)],
    [event(2n, 1), event(3n, 2), event(4n, 2, 'forged'), event(5n, 3)],
  ]) {
    const claim = await sink.claim(ref, forever)
    await sink.deliver([{ claim, range: rangeOf(ref, records) }], forever)
  }
  await sink.close()
  expect(found).toEqual([
    [ref.topic, 'superseded', 2],
    [ref.topic, 'conflicting', 1],
  ])
})
