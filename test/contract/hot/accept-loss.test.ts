import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createHotClients } from '../../../consumers/hot/clickhouse/client.ts'
import { createHotStore } from '../../../consumers/hot/clickhouse/store.ts'
import { acceptHotLoss } from '../../../operations/accept-hot-loss.ts'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
import { eventRange, rangeOf } from '../../support/hot/events.ts'
import { testStack } from '../../support/stack.ts'

let db: HotDatabase
beforeAll(async () => {
  db = await hotDatabase()
})
afterAll(() => db.drop())

it('tells the worker of a loss that an operator accepted, and moves the tip by itself not at all', async () => {
  const topicId = randomUUID()
  const partition = { topic: `t-${topicId}`, topicId, partition: 3 }
  const store = createHotStore({ clients: createHotClients(testStack().clickhouse), database: db.name })
  await acceptHotLoss(store, { partition, through: 41n, by: 'ops', reason: 'retention', at: Date.now() })
  const sink = hotSink(db)
  const claim = await sink.claim(partition, new AbortController().signal)
  expect(await claim.tip()).toEqual({ last: null, lastRecord: null, acceptedLossThrough: 41n })
  await Promise.all([sink.close(), store.close()])
})

it('keeps to an acceptance that has records in it until the last hole is behind the tip', async () => {
  const topicId = randomUUID()
  const partition = { topic: `t-${topicId}`, topicId, partition: 0 }
  const store = createHotStore({ clients: createHotClients(testStack().clickhouse), database: db.name })
  await acceptHotLoss(store, { partition, through: 6n, by: 'ops', reason: 'compacted', at: Date.now() })
  const sink = hotSink(db)
  const claim = await sink.claim(partition, new AbortController().signal)
  const deliver = async (survivor: bigint) => {
    const lost = { first: survivor - 1n, last: survivor - 1n, reason: 'lost_accepted' } as const
    const range = rangeOf(partition, eventRange(partition, survivor, 1).records, [lost])
    return sink.deliver([{ claim, range }], new AbortController().signal)
  }
  for (const survivor of [1n, 3n, 5n]) {
    expect(await deliver(survivor)).toEqual(['delivered'])
    expect(await claim.tip()).toMatchObject({ last: survivor, acceptedLossThrough: 6n })
  }
  const held = await db.rows(`SELECT toString(_offset) AS o FROM {db}.events WHERE _topic_id = '${topicId}'`)
  expect(held).toHaveLength(3)
  const gaps = await db.rows(
    `SELECT toString(first) AS f, toString(last) AS l, reason FROM {db}.gaps WHERE topic_id = '${topicId}' ORDER BY first`,
  )
  expect(gaps).toEqual(['0', '2', '4'].map((at) => ({ f: at, l: at, reason: 'lost_accepted' })))
  await Promise.all([sink.close(), store.close()])
})
