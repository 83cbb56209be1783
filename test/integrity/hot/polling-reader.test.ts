import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { PartitionRef } from '../../../consumers/engine/contracts.ts'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
import { eventRecord, RECEIVED_AT, rangeOf, uuidAt } from '../../support/hot/events.ts'

const forever = new AbortController().signal
const DAY_MS = 86_400_000
const ROUNDS = 25
const FRESH = 40

let db: HotDatabase
beforeAll(async () => {
  db = await hotDatabase()
})
afterAll(() => db.drop())

/** Looks at the view without a pause and remembers what it ever saw. */
function startReader(topicId: string) {
  const faults: string[] = []
  const seen = new Set<string>()
  let polls = 0
  let stopping = false
  const reading = (async () => {
    while (!stopping) {
      const rows = await db.rows<{ id: string; n: string }>(
        `SELECT event_id::String AS id, toString(count()) AS n FROM {db}.audit WHERE _topic_id = '${topicId}' GROUP BY event_id`,
      )
      polls++
      for (const { id, n } of rows) if (n !== '1') faults.push(`${id} shows ${n} times`)
      const now = new Set(rows.map((row) => row.id))
      for (const id of seen) if (!now.has(id)) faults.push(`${id} has vanished`)
      for (const id of now) seen.add(id)
    }
  })()
  return {
    stop: async () => {
      stopping = true
      await reading
      return { faults, polls, seen }
    },
  }
}

it('a reader that looks all the time sees each event once, and for good, while producers send events again, days apart', async () => {
  const topicId = randomUUID()
  const refs = [0, 1].map((partition): PartitionRef => ({ topic: `t-${topicId}`, topicId, partition }))
  const base = Number.parseInt(topicId.slice(0, 6), 16) * 2 ** 20
  const sink = hotSink(db)
  const claims = await Promise.all(refs.map((ref) => sink.claim(ref, forever)))
  const reader = startReader(topicId)
  const next = [0n, 0n]
  for (let round = 0; round < ROUNDS; round++) {
    // What is new, what came in the same batch, what came a batch ago, and what came days ago in another partition.
    const numbers = [round, round, Math.max(0, round - 1), Math.max(0, round - 7)].flatMap((batch, copy) =>
      Array.from({ length: copy === 0 ? FRESH : FRESH / 4 }, (_, i) => batch * FRESH + i),
    )
    const at = round % 2
    const claim = claims[at]
    const ref = refs[at]
    if (claim === undefined || ref === undefined) throw new RangeError('no claim')
    const appendTime = RECEIVED_AT - (ROUNDS - round) * (DAY_MS / 5)
    const records = numbers.map((n) => {
      const offset = next[at] ?? 0n
      next[at] = offset + 1n
      const occurredAt = RECEIVED_AT - 30 * DAY_MS + n
      return eventRecord(offset, appendTime, { id: uuidAt(occurredAt, base + n), occurredAt })
    })
    expect(await sink.deliver([{ claim, range: rangeOf(ref, records) }], forever)).toEqual(['delivered'])
  }
  const { faults, polls, seen } = await reader.stop()
  await sink.close()
  expect(faults.slice(0, 5)).toEqual([])
  expect(polls).toBeGreaterThan(ROUNDS)
  expect(await db.number(`SELECT count() FROM {db}.audit WHERE _topic_id = '${topicId}'`)).toBe(
    ROUNDS * FRESH,
  )
  expect(await db.number(`SELECT count() FROM {db}.events WHERE _topic_id = '${topicId}'`)).toBe(
    Number((next[0] ?? 0n) + (next[1] ?? 0n)),
  )
  expect(seen.size).toBeGreaterThan(ROUNDS * FRESH * 0.8)
})
