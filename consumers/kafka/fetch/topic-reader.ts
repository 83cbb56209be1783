import type { Cluster, Kafka } from 'kafkajs'
import { DaybookError } from '../../../schemas/errors.ts'
import { type PartitionRef, partitionKey } from '../../engine/contracts.ts'
import { BROKER_ERROR, brokerError, clientError } from '../client/broker-errors.ts'
import { type ClusterView, createClusterView, leaderOf, requireTopic } from '../client/cluster-view.ts'
import { endOfBatches } from '../protocol/batch-extents.ts'
import { requestFetch } from '../protocol/fetch-request.ts'
import { slices } from '../protocol/record-batch.ts'
import type { FetchedRecord } from '../protocol/record-reader.ts'
import { offsetOutOfRange } from './offset-out-of-range.ts'
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

/** Reads everything that a topic holds when the call begins, partition by partition, with headers. */
export async function* readTopic(
  view: ClusterView,
  topic: string,
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
      const { next, isSound } = endOfBatches(fetched.recordBatches)
      if (isSound && (next === null || next <= at)) break
      for (const slice of slices({ ...DEFAULT_TUNING, ...ref, ...fetched, from: at, withHeaders: true })) {
        for (const record of slice.records) yield { partition: ref, record }
      }
      at = next ?? at
    }
  }
}

async function fetchOne(view: ClusterView, leader: number, ref: PartitionRef, offset: bigint) {
  const { maxBytesPerPartition, maxFetchBytes: maxBytes } = DEFAULT_TUNING
  const limits = { maxWaitMs: 500, minBytes: 1, maxBytes, maxBytesPerPartition }
  const { partitions } = await requestFetch(await view.broker(leader), [{ ...ref, offset }], limits)
  const [fetched] = partitions
  if (fetched?.errorCode === BROKER_ERROR.offsetOutOfRange) throw offsetOutOfRange(ref, offset)
  if (fetched !== undefined && fetched.errorCode !== 0) {
    throw brokerError(fetched.errorCode, `fetch of ${ref.topic}/${ref.partition}`)
  }
  return { aborted: fetched?.aborted ?? [], recordBatches: fetched?.recordBatches ?? Buffer.alloc(0) }
}
