import { DaybookError } from '../../../schemas/errors.ts'
import { type PartitionRef, partitionKey } from '../../engine/contracts.ts'
import { BROKER_ERROR, brokerError } from '../client/broker-errors.ts'
import type { ClusterView } from '../client/cluster-view.ts'
import { leaderOf, requireTopic } from '../client/topic-metadata.ts'
import { endOfBatches } from '../protocol/batch-extents.ts'
import { requestFetch } from '../protocol/fetch-request.ts'
import { slices } from '../protocol/record-batch.ts'
import type { FetchedRecord } from '../protocol/record-reader.ts'
import { offsetOutOfRange } from './offset-out-of-range.ts'
import { DEFAULT_TUNING } from './tuning.ts'

export interface TopicRecord {
  readonly partition: PartitionRef
  readonly record: FetchedRecord
}

/**
 * Reads everything that a topic holds when the call begins, partition by partition, with headers.
 * @throws DaybookError after all that can be read was given, where something could not: it is never left out in silence
 */
export async function* readTopic(
  view: ClusterView,
  topic: string,
): AsyncGenerator<TopicRecord, void, undefined> {
  const metadata = await view.metadata([topic])
  const { topicId, partitions } = requireTopic(metadata, topic)
  const refs = partitions.map(({ partition }) => ({ topic, topicId, partition }))
  const bounds = await view.bounds(refs)
  const unread: string[] = []
  for (const ref of refs) {
    const { logStart, logEnd } = bounds.get(partitionKey(ref)) ?? { logStart: 0n, logEnd: 0n }
    const at = yield* readPartition(view, leaderOf(metadata, ref), ref, logStart, logEnd)
    if (at < logEnd) unread.push(`${topic}/${ref.partition} from offset ${at}`)
  }
  if (unread.length === 0) return
  throw new DaybookError(
    'DAYBOOK_KAFKA_BROKER',
    `not readable yet: ${unread.join(', ')}; a transaction that is open holds it back (kafka-transactions find-hanging)`,
    { retryable: true, details: { topic } },
  )
}

/** Gives the offset up to which it could read. */
async function* readPartition(
  view: ClusterView,
  leader: number,
  ref: PartitionRef,
  logStart: bigint,
  logEnd: bigint,
): AsyncGenerator<TopicRecord, bigint, undefined> {
  for (let at = logStart; at < logEnd; ) {
    const fetched = await fetchOne(view, leader, ref, at)
    const { next, isSound } = endOfBatches(fetched.recordBatches)
    if (isSound && (next === null || next <= at)) return at
    for (const slice of slices({ ...DEFAULT_TUNING, ...ref, ...fetched, from: at, withHeaders: true })) {
      for (const record of slice.records) yield { partition: ref, record }
    }
    at = next ?? at
  }
  return logEnd
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
