import { DaybookError } from '../../../schemas/errors.ts'
import { type PartitionRef, partitionKey } from '../../engine/contracts.ts'
import { BROKER_ERROR, brokerError } from '../client/broker-errors.ts'
import type { ClusterView } from '../client/cluster-view.ts'
import { leaderOf, requireTopic } from '../client/topic-metadata.ts'
import { endOfBatches } from '../protocol/batch-extents.ts'
import { requestFetch } from '../protocol/fetch-request.ts'
import { slices } from '../protocol/record-batch.ts'
import type { FetchedRecord } from '../protocol/record-reader.ts'
import type { DecodedSlice } from '../protocol/slice.ts'
import { offsetOutOfRange } from './offset-out-of-range.ts'
import { DEFAULT_TUNING } from './tuning.ts'

export interface TopicRecord {
  readonly partition: PartitionRef
  readonly record: FetchedRecord
}

export interface ReadTopicOptions {
  /** A batch that decompresses to more is handed over as one record with a `fault`. */
  readonly maxBatchBytes?: number
  /** Called for a batch whose end cannot be told; the rest of its partition is not read. Without it that is an error. */
  readonly onUndecodable?: (partition: PartitionRef, offset: bigint) => void
}

/**
 * Reads everything that a topic holds when the call begins, partition by partition, with headers.
 * @throws DaybookError after all that can be read was given, where something could not: it is never left out in silence
 */
export async function* readTopic(
  view: ClusterView,
  topic: string,
  { maxBatchBytes = DEFAULT_TUNING.maxBatchBytes, onUndecodable }: ReadTopicOptions = {},
): AsyncGenerator<TopicRecord, void, undefined> {
  const metadata = await view.metadata([topic])
  const { topicId, partitions } = requireTopic(metadata, topic)
  const refs = partitions.map(({ partition }) => ({ topic, topicId, partition }))
  const bounds = await view.bounds(refs)
  const unread: string[] = []
  for (const ref of refs) {
    const { logStart: from, logEnd: end } = bounds.get(partitionKey(ref)) ?? { logStart: 0n, logEnd: 0n }
    const stretch = { leader: leaderOf(metadata, ref), from, end, maxBatchBytes }
    try {
      const at = yield* recordsOf(ref, readSlices(view, ref, stretch))
      if (at < end) unread.push(`${topic}/${ref.partition} from offset ${at}`)
    } catch (error) {
      if (onUndecodable === undefined || !isUndecodable(error)) throw error
      onUndecodable(ref, from)
    }
  }
  if (unread.length > 0) throw notReadableYet(topic, unread.join(', '))
}

async function* recordsOf(
  partition: PartitionRef,
  read: AsyncGenerator<DecodedSlice, bigint, undefined>,
): AsyncGenerator<TopicRecord, bigint, undefined> {
  for (;;) {
    const { done, value } = await read.next()
    if (done === true) return value
    for (const record of value.records) yield { partition, record }
  }
}

export interface LogStretch {
  /** Node id. */
  readonly leader: number
  /** Not before the log's start. */
  readonly from: bigint
  /** Not beyond the log's end. What is given may reach beyond it. */
  readonly end: bigint
  readonly maxBatchBytes?: number
}

/**
 * Reads a partition's offsets from `from` up to, not including, `end`, and gives the offset that it got to: less than
 * `end` where an open transaction holds the rest back. One batch at a time: what comes out of it is all that is in
 * memory.
 * @throws DaybookError DAYBOOK_KAFKA_BATCH_CORRUPT for a batch of which cannot be said where it ends
 */
export async function* readSlices(
  view: ClusterView,
  ref: PartitionRef,
  { leader, from, end, maxBatchBytes = DEFAULT_TUNING.maxBatchBytes }: LogStretch,
): AsyncGenerator<DecodedSlice, bigint, undefined> {
  const limits = { maxSliceBytes: 1, maxBatchBytes }
  for (let at = from; at < end; ) {
    const fetched = await fetchOne(view, leader, ref, at)
    const { next, isSound } = endOfBatches(fetched.recordBatches)
    if (isSound && (next === null || next <= at)) return at
    yield* slices({ ...limits, ...ref, ...fetched, from: at, withHeaders: true })
    at = next ?? at
  }
  return end
}

/** An open transaction holds back `what`. */
export function notReadableYet(topic: string, what: string): DaybookError {
  return new DaybookError(
    'DAYBOOK_KAFKA_BROKER',
    `not readable yet: ${what}; a transaction that is open holds it back (kafka-transactions find-hanging)`,
    { retryable: true, details: { topic } },
  )
}

function isUndecodable(error: unknown): boolean {
  return error instanceof DaybookError && error.code === 'DAYBOOK_KAFKA_BATCH_CORRUPT'
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
