import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { PartitionRef } from '../../../consumers/engine/contracts.ts'
import { type OpenCluster, openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { requireTopic } from '../../../consumers/kafka/client/topic-metadata.ts'
import { GenerationReader } from '../../../consumers/kafka/fetch/generation-reader.ts'
import { SlicesInHand } from '../../../consumers/kafka/fetch/slices-in-hand.ts'
import { DEFAULT_TUNING } from '../../../consumers/kafka/fetch/tuning.ts'
import { decodeFetchResponse, FETCH_API } from '../../../consumers/kafka/protocol/fetch-request.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { openBroker, type TestBroker } from './broker.ts'
import { changedAnswers } from './changed-answers.ts'

const MIB = 1024 * 1024
const PARTITIONS = 40
/** In each partition: 3 MB. */
const BATCHES = 60
const BATCH_BYTES = 50_000

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

it('what waits of all partitions while nothing is taken is bounded, and each has its turn', {
  timeout: 60_000,
}, async () => {
  const topic = await broker.createTopic({ partitions: PARTITIONS })
  const numbers = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  const value = randomBytes(BATCH_BYTES)
  for (let at = 0; at < BATCHES; at++)
    await broker.produce(
      topic,
      numbers.map((partition) => ({ partition, value })),
    )
  const { topicId } = requireTopic(await cluster.view.metadata([topic]), topic)
  const refs: PartitionRef[] = numbers.map((partition) => ({ topic, topicId, partition }))
  const served = new Set<number>()
  const over = new AbortController()
  const reader = new GenerationReader({
    inHand: new SlicesInHand(systemClock),
    ...{ generation: 1, refs, signal: over.signal },
    view: changedAnswers(cluster.view, (payload, apiKey) => {
      if (apiKey !== FETCH_API.apiKey) return payload
      for (const { partition, recordBatches } of decodeFetchResponse(payload).partitions)
        if ((recordBatches?.length ?? 0) > 0) served.add(partition)
      return payload
    }),
    clock: systemClock,
    limits: { ...DEFAULT_TUNING, minBytes: 1, maxBytes: DEFAULT_TUNING.maxFetchBytes },
    leaderCheckMs: 1_000,
    handOver: () => new Promise(() => undefined),
    onPartitionFailure: (_, error) => over.abort(error),
    onFailure: (error) => over.abort(error),
  })
  for (const ref of refs) reader.read(ref, 0n)
  await vi.waitFor(() => expect(served.size).toBe(PARTITIONS), { timeout: 30_000 })
  expect(reader.packedBytes).toBeGreaterThan(40 * MIB)
  expect(reader.packedBytes).toBeLessThan(64 * MIB)
  over.abort()
})
