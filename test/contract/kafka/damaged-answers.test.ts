import { afterAll, beforeAll, expect, it } from 'vitest'
import type { SourceBatch } from '../../../consumers/engine/contracts.ts'
import type { ClusterView } from '../../../consumers/kafka/client/cluster-view.ts'
import { type OpenCluster, openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { requireTopic } from '../../../consumers/kafka/client/topic-metadata.ts'
import { GenerationReader } from '../../../consumers/kafka/fetch/generation-reader.ts'
import { SlicesInHand } from '../../../consumers/kafka/fetch/slices-in-hand.ts'
import { DEFAULT_TUNING } from '../../../consumers/kafka/fetch/tuning.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { openBroker, type TestBroker } from './broker.ts'
import { changedAnswers } from './changed-answers.ts'

let broker: TestBroker
let cluster: OpenCluster
beforeAll(async () => {
  broker = await openBroker()
  cluster = await openCluster(broker.kafka)
})
afterAll(async () => {
  await cluster.close()
  await broker.close()
})

/** The cluster, but a bit of each answer that holds `victim` is changed, as long as `isBad` says so. */
function damaging(view: ClusterView, victim: Buffer, isBad: () => boolean): ClusterView {
  return changedAnswers(view, (payload) => {
    const at = payload.indexOf(victim)
    if (at < 0 || !isBad()) return payload
    const copy = Buffer.from(payload)
    copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at)
    return copy
  })
}

async function readAll(topic: string, victim: string, isBad: () => boolean) {
  const { topicId } = requireTopic(await cluster.view.metadata([topic]), topic)
  const ref = { topic, topicId, partition: 0 }
  const batches: SourceBatch[] = []
  const over = new AbortController()
  await new Promise<void>((resolve, reject) => {
    const reader = new GenerationReader({
      inHand: new SlicesInHand(systemClock),
      generation: 1,
      refs: [ref],
      view: damaging(cluster.view, Buffer.from(victim), isBad),
      clock: systemClock,
      limits: { ...DEFAULT_TUNING, minBytes: 1, maxBytes: DEFAULT_TUNING.maxFetchBytes },
      leaderCheckMs: 1_000,
      signal: over.signal,
      handOver: async (batch) => {
        batches.push(batch)
        if (batch.last === batch.highWatermark - 1n) resolve()
      },
      onPartitionFailure: (_, error) => reject(error),
      onFailure: reject,
    })
    reader.read(ref, 0n)
  })
  over.abort()
  return batches.flatMap(({ records }) =>
    records.map(({ offset, fault, value }) => [offset, fault?.code ?? value?.toString()]),
  )
}

async function topicOf(values: readonly string[]): Promise<string> {
  const topic = await broker.createTopic()
  for (const value of values) await broker.produce(topic, [{ value }])
  return topic
}

it('a bit that changes on the way of one fetch sets no batch aside', async () => {
  const topic = await topicOf(['before', 'the victim', 'after'])
  let left = 1
  const found = await readAll(topic, 'victim', () => left-- > 0)
  expect(left).toBeLessThan(0)
  expect(found).toEqual([
    [0n, 'before'],
    [1n, 'the victim'],
    [2n, 'after'],
  ])
})

it('a batch that comes damaged each time is set aside, and its neighbours are read', async () => {
  const topic = await topicOf(['before', 'the victim', 'after'])
  expect(await readAll(topic, 'victim', () => true)).toEqual([
    [0n, 'before'],
    [1n, 'CORRUPT_BATCH'],
    [2n, 'after'],
  ])
})
