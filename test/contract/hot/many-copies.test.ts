import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
import { eventRecord, RECEIVED_AT, rangeOf, uuidAt } from '../../support/hot/events.ts'

const forever = new AbortController().signal
const MANY = 60_000
let db: HotDatabase
beforeAll(async () => {
  db = await hotDatabase()
})
afterAll(() => db.drop())

function partitionOf(topicId: string, partition: number) {
  return { topic: `t-${topicId}`, topicId, partition }
}
const sequence = (length: number) => Array.from({ length }, (_, at) => at)
const idOf = (topicId: string, n = 0) => uuidAt(RECEIVED_AT, Number.parseInt(topicId.slice(0, 7), 16) + n)

it('one event any number of times is shown once, whichever of its rows are looked at', {
  timeout: 60_000,
}, async () => {
  const topicId = randomUUID()
  const [hostile, good] = [partitionOf(topicId, 0), partitionOf(topicId, 1)]
  const found = { superseded: 0, conflicting: 0 }
  const sink = hotSink(db, {
    onCopies: (_, kind, events) => {
      found[kind] += events
    },
  })
  const copies = (from: number, count: number) => {
    const records = sequence(count).map((at) =>
      eventRecord(BigInt(from + at), RECEIVED_AT, { id: idOf(topicId) }),
    )
    return rangeOf(hostile, records)
  }
  const claim = await sink.claim(hostile, forever)
  await sink.deliver([{ claim, range: copies(0, MANY) }], forever)
  const range = copies(MANY, 10)
  const beside = rangeOf(good, [eventRecord(0n, RECEIVED_AT, { id: idOf(topicId, 1) })])
  const outcomes = await sink.deliver(
    [
      { claim, range },
      { claim: await sink.claim(good, forever), range: beside },
    ],
    forever,
  )
  expect(outcomes).toEqual(['delivered', 'delivered'])
  await sink.close()
  expect(found).toEqual({ superseded: MANY + 9, conflicting: 0 })
  const shown = await db.rows(
    `SELECT _partition AS p, toUInt32(_offset) AS o FROM {db}.audit WHERE _topic_id = '${topicId}' ORDER BY p`,
  )
  expect(shown).toEqual([
    { p: 0, o: 0 },
    { p: 1, o: 0 },
  ])
})

it('any number of contents under one id are all shown', {
  timeout: 60_000,
}, async () => {
  const topicId = randomUUID()
  const ref = partitionOf(topicId, 0)
  const found: [string, number][] = []
  const sink = hotSink(db, { onCopies: (_, kind, events) => found.push([kind, events]) })
  const claim = await sink.claim(ref, forever)
  const event = (offset: number, content: number) =>
    eventRecord(BigInt(offset), RECEIVED_AT, { id: idOf(topicId), reason: `${content}` })
  await sink.deliver(
    [
      {
        claim,
        range: rangeOf(
          ref,
          sequence(MANY).map((at) => event(at, at)),
        ),
      },
    ],
    forever,
  )
  await sink.deliver([{ claim, range: rangeOf(ref, [event(MANY, MANY)]) }], forever)
  await sink.close()
  expect(found).toEqual([
    ['conflicting', MANY - 1],
    ['conflicting', 1],
  ])
  expect(await db.number(`SELECT count() FROM {db}.audit WHERE _topic_id = '${topicId}'`)).toBe(MANY + 1)
})

it('copies that come in delivery after delivery are listed for a copy that is seen, also for one of another partition', {
  timeout: 60_000,
}, async () => {
  const topicId = randomUUID()
  const refs = [partitionOf(topicId, 0), partitionOf(topicId, 1), partitionOf(topicId, 2)] as const
  const [first, second, other] = refs
  const found = { superseded: 0, conflicting: 0 }
  const sink = hotSink(db, {
    onCopies: (_, kind, events) => {
      found[kind] += events
    },
  })
  const flood = (from: number) =>
    sequence(5_000).map((at) => eventRecord(BigInt(from + at), RECEIVED_AT, { id: idOf(topicId, at % 50) }))
  const good = (offset: number) =>
    eventRecord(BigInt(offset), RECEIVED_AT, { id: idOf(topicId, 1_000 + offset) })
  const claims = await Promise.all(refs.map((ref) => sink.claim(ref, forever)))
  for (let delivery = 0; delivery < 4; delivery++) {
    const from = delivery * 5_000
    const ranges = [
      rangeOf(first, flood(from)),
      rangeOf(second, flood(from)),
      rangeOf(other, [good(delivery)]),
    ]
    const deliveries = ranges.map((range, at) => ({
      claim: claims[at] as NonNullable<(typeof claims)[0]>,
      range,
    }))
    expect(await sink.deliver(deliveries, forever)).toEqual(['delivered', 'delivered', 'delivered'])
    // From the first delivery on: those two share none with the third any more.
    expect(ranges.map((range) => sink.isSlow?.(range))).toEqual([true, true, false])
  }
  // One of the ids with another content is a conflict, however well known the id is.
  const forged = eventRecord(20_000n, RECEIVED_AT, { id: idOf(topicId, 0), reason: 'forged' })
  const range = rangeOf(first, [forged])
  await sink.deliver([{ claim: claims[0] as NonNullable<(typeof claims)[0]>, range }], forever)
  expect(sink.isSlow?.(range)).toBe(false)
  await sink.close()
  expect(found).toEqual({ superseded: 40_000 - 50, conflicting: 1 })
  const shown = await db.rows<{ p: number; n: string }>(
    `SELECT _partition AS p, count() AS n FROM {db}.audit WHERE _topic_id = '${topicId}' GROUP BY p ORDER BY p`,
  )
  expect(shown.map(({ p, n }) => [p, Number(n)])).toEqual([
    [0, 51],
    [2, 4],
  ])
})
