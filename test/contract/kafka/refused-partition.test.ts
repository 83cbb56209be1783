import { afterAll, beforeAll, expect, it } from 'vitest'
import type { PartitionRef, SourceBatch } from '../../../consumers/engine/contracts.ts'
import type { ClusterView } from '../../../consumers/kafka/client/cluster-view.ts'
import { type OpenCluster, openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { requireTopic } from '../../../consumers/kafka/client/topic-metadata.ts'
import { GenerationReader } from '../../../consumers/kafka/fetch/generation-reader.ts'
import { SlicesInHand } from '../../../consumers/kafka/fetch/slices-in-hand.ts'
import { DEFAULT_TUNING } from '../../../consumers/kafka/fetch/tuning.ts'
import { decodeFetchResponse, FETCH_API } from '../../../consumers/kafka/protocol/fetch-request.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { openBroker, type TestBroker } from './broker.ts'
import { changedAnswers } from './changed-answers.ts'

/** The log directory of this replica failed. */
const KAFKA_STORAGE_ERROR = 56

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

/** The cluster, but each fetch of `partition` is refused as long as `isRefused` says so. */
function refusing(view: ClusterView, partition: number, isRefused: () => boolean): ClusterView {
  return changedAnswers(view, (payload, apiKey) => {
    if (apiKey === FETCH_API.apiKey && isRefused()) refuse(payload, partition)
    return payload
  })
}

/** Writes the error into the answer itself: the one place that holds this partition's number and its error code 0. */
function refuse(payload: Buffer, partition: number): void {
  const found = decodeFetchResponse(payload).partitions.find((one) => one.partition === partition)
  if (found === undefined) return
  const head = Buffer.alloc(14)
  head.writeInt32BE(partition)
  head.writeBigInt64BE(found.highWatermark, 6)
  const at = payload.indexOf(head)
  if (at >= 0) payload.writeInt16BE(KAFKA_STORAGE_ERROR, at + 4)
}

async function start(o: { readonly isRefused: () => boolean; readonly now: () => number }) {
  const topic = await broker.createTopic({ partitions: 2 })
  const { topicId } = requireTopic(await cluster.view.metadata([topic]), topic)
  const refs: PartitionRef[] = [0, 1].map((partition) => ({ topic, topicId, partition }))
  const read: string[] = []
  const failed: unknown[] = []
  const over = new AbortController()
  const reader = new GenerationReader({
    inHand: new SlicesInHand(systemClock),
    ...{ generation: 1, refs, signal: over.signal },
    view: refusing(cluster.view, 0, o.isRefused),
    clock: { ...systemClock, now: o.now },
    limits: { ...DEFAULT_TUNING, minBytes: 1, maxBytes: DEFAULT_TUNING.maxFetchBytes },
    leaderCheckMs: 1_000,
    handOver: async ({ records }: SourceBatch) => {
      for (const { value } of records) read.push(String(value))
    },
    onPartitionFailure: (_, error) => failed.push(error),
    onFailure: (error) => failed.push(error),
  })
  for (const ref of refs) reader.read(ref, 0n)
  return { topic, read, failed, end: () => over.abort() }
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 20))
}

it('a partition that its leader refuses does not make the others of that leader wait, and goes on afterwards', async () => {
  let isRefused = true
  const { topic, read, failed, end } = await start({ isRefused: () => isRefused, now: Date.now })
  await broker.produce(topic, [{ partition: 0, value: 'late' }])
  // One after the other: a pause that grew with each refusal would soon take longer than this test may.
  for (let at = 0; at < 40; at++) {
    await broker.produce(topic, [{ partition: 1, value: `${at}` }])
    await until(() => read.at(-1) === `${at}`)
  }
  expect(read).not.toContain('late')
  isRefused = false
  await until(() => read.includes('late'))
  expect(failed).toEqual([])
  end()
}, 30_000)

it('a partition that is refused for longer than a minute stops, and says why', async () => {
  let ahead = 0
  let refusals = 0
  const isRefused = () => {
    refusals += 1
    return true
  }
  const { topic, failed, end } = await start({ isRefused, now: () => Date.now() + ahead })
  await broker.produce(topic, [{ partition: 0, value: 'never' }])
  await until(() => refusals > 5)
  expect(failed).toEqual([])
  ahead = 61_000
  await until(() => failed.length > 0)
  expect(failed).toEqual([expect.objectContaining({ code: 'DAYBOOK_KAFKA_BROKER', retryable: true })])
  end()
}, 30_000)
