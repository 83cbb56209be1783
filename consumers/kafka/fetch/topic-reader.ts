import type { Cluster, Kafka } from 'kafkajs'
import { DaybookError } from '../../../schemas/errors.ts'
import { type PartitionRef, partitionKey } from '../../engine/contracts.ts'
import { BROKER_ERROR, brokerError, clientError } from '../client/broker-errors.ts'
import { type ClusterView, createClusterView, leaderOf, requireTopic } from '../client/cluster-view.ts'
import { requestFetch } from '../protocol/fetch-request.ts'
import { type FetchedRecord, slices } from '../protocol/record-batch.ts'
import { offsetOutOfRange } from './offset-out-of-range.ts'
import { batchAt, endOfBatches } from './partition-feed.ts'
import { DEFAULT_TUNING } from './tuning.ts'

export interface OpenCluster {
  readonly view: ClusterView
  close(): Promise<void>
}

/** Connects without joining any group. */
export async function openCluster(kafka: Kafka): Promise<OpenCluster> {
  const captured: { cluster: Cluster | null } = { cluster: null }
  const consumer = kafka.consumer({
    groupId: 'daybook-none',
    allowAutoTopicCreation: false,
    partitionAssigners: [
      ({ cluster }) => {
        captured.cluster = cluster
        return {
          name: 'none',
          version: 0,
          assign: async () => [],
          protocol: () => ({ name: 'none', metadata: Buffer.alloc(0) }),
        }
      },
    ],
  })
  const { cluster } = captured
  if (cluster === null) {
    throw new DaybookError(
      'DAYBOOK_KAFKA_CLIENT_VERSION',
      'kafkajs gave no cluster to the assigner; run npm ci',
    )
  }
  try {
    await consumer.connect()
    await cluster.refreshMetadata()
  } catch (error) {
    throw clientError(error, 'connection to Kafka')
  }
  return { view: createClusterView(cluster), close: () => consumer.disconnect() }
}

export interface TopicRecord {
  readonly partition: PartitionRef
  readonly record: FetchedRecord
}

export interface ReadTopicOptions {
  /** A batch that decompresses to more is handed over as one record with a `fault`. */
  readonly maxBatchBytes?: number
  /** Called for a batch that cannot be decoded, which is then passed. Without it the reading ends there. */
  readonly onUndecodable?: (partition: PartitionRef, offset: bigint) => void
}

/** Reads everything that a topic holds when the call begins, partition by partition, with headers. */
export async function* readTopic(
  view: ClusterView,
  topic: string,
  { maxBatchBytes = DEFAULT_TUNING.maxBatchBytes, onUndecodable }: ReadTopicOptions = {},
): AsyncGenerator<TopicRecord, void, undefined> {
  const metadata = await view.metadata([topic])
  const { topicId, partitions } = requireTopic(metadata, topic)
  const refs = partitions.map(({ partition }) => ({ topic, topicId, partition }))
  const bounds = await view.bounds(refs)
  for (const ref of refs) {
    const { logStart, logEnd } = bounds.get(partitionKey(ref)) ?? { logStart: 0n, logEnd: 0n }
    const leader = leaderOf(metadata, ref)
    for (let at = logStart; at < logEnd; ) {
      const fetched = await fetchOne(view, leader, ref, at)
      const next = endOfBatches(fetched.recordBatches)
      if (next === null || next <= at) break
      // One batch at a time: what comes out of it is all that stands in memory.
      const limits = { maxSliceBytes: 1, maxBatchBytes }
      try {
        for (const slice of slices({ ...limits, ...ref, ...fetched, from: at, withHeaders: true })) {
          for (const record of slice.records) yield { partition: ref, record }
          at = slice.last + 1n
        }
        at = next
      } catch (error) {
        if (onUndecodable === undefined || !isUndecodable(error)) throw error
        onUndecodable(ref, at)
        at = endOfBatches(batchAt(fetched.recordBatches, at) ?? fetched.recordBatches) ?? next
      }
    }
  }
}

function isUndecodable(error: unknown): boolean {
  return (
    error instanceof DaybookError &&
    (error.code === 'DAYBOOK_KAFKA_BATCH_CORRUPT' || error.code === 'DAYBOOK_KAFKA_CODEC_UNKNOWN')
  )
}

/** What the leader has from `offset` on: whole batches, of which the first may begin before it. */
export async function fetchOne(
  view: ClusterView,
  leader: number,
  ref: PartitionRef,
  offset: bigint,
  maxBytesPerPartition = DEFAULT_TUNING.maxBytesPerPartition,
) {
  const { maxFetchBytes: maxBytes } = DEFAULT_TUNING
  const limits = { maxWaitMs: 500, minBytes: 1, maxBytes, maxBytesPerPartition }
  const { partitions } = await requestFetch(await view.broker(leader), [{ ...ref, offset }], limits)
  const [fetched] = partitions
  if (fetched?.errorCode === BROKER_ERROR.offsetOutOfRange) throw offsetOutOfRange(ref, offset)
  if (fetched !== undefined && fetched.errorCode !== 0) {
    throw brokerError(fetched.errorCode, `fetch of ${ref.topic}/${ref.partition}`)
  }
  return { aborted: fetched?.aborted ?? [], recordBatches: fetched?.recordBatches ?? Buffer.alloc(0) }
}
