import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createHotClients } from '../../../consumers/hot/clickhouse/client.ts'
import { createHotStore } from '../../../consumers/hot/clickhouse/store.ts'
import { acceptHotLoss } from '../../../operations/accept-hot-loss.ts'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
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
