import type { PartitionRef } from '../consumers/engine/contracts.ts'
import type { SourceRecord } from '../consumers/engine/source-record.ts'
import type { ClusterView } from '../consumers/kafka/client/cluster-view.ts'
import { leaderOf } from '../consumers/kafka/client/topic-metadata.ts'
import { fetchOne } from '../consumers/kafka/fetch/topic-reader.ts'
import { DEFAULT_TUNING } from '../consumers/kafka/fetch/tuning.ts'
import { batchAt } from '../consumers/kafka/protocol/batch-extents.ts'
import type { ClusterMetadata } from '../consumers/kafka/protocol/metadata-request.ts'
import { slices } from '../consumers/kafka/protocol/record-batch.ts'
import { BATCH_FIELD } from '../runtime/kafka-wire/batch-header.ts'
import { DaybookError } from '../schemas/errors.ts'

/** Enough for many small batches in one answer; a larger batch comes whole all the same. */
const FETCH_BYTES = 1024 * 1024

interface DecodedBatch {
  readonly partition: PartitionRef
  readonly first: bigint
  readonly last: bigint
  readonly records: ReadonlyMap<bigint, SourceRecord>
}

/** What Kafka holds now at the places that the quarantine names. Holds one fetch answer and one batch in memory. */
export class KafkaOriginals {
  readonly #view: ClusterView
  readonly #metadata = new Map<string, ClusterMetadata>()
  #answer: { readonly partition: PartitionRef; readonly bytes: Buffer } | null = null
  #decoded: DecodedBatch | null = null

  constructor(view: ClusterView) {
    this.#view = view
  }

  /** The batch that covers `offset`; null where Kafka does not hold it, or has another topic under that name. */
  async batch(partition: PartitionRef, offset: bigint): Promise<Buffer | null> {
    const known = this.#answer
    const found = known !== null && isSame(known.partition, partition) ? covering(known.bytes, offset) : null
    if (found !== null) return found
    const leader = await this.#leader(partition)
    if (leader === null) return null
    const bytes = await fetched(this.#view, leader, partition, offset)
    if (bytes === null) return null
    this.#answer = { partition, bytes }
    return covering(bytes, offset)
  }

  /** Null as for `batch`, and where the batch has no record there or cannot be taken apart. */
  async record(partition: PartitionRef, offset: bigint): Promise<SourceRecord | null> {
    const known = this.#decoded
    const isKnown =
      known !== null && isSame(known.partition, partition) && known.first <= offset && offset <= known.last
    if (isKnown) return known.records.get(offset) ?? null
    const batch = await this.batch(partition, offset)
    if (batch === null) return null
    const first = batch.readBigInt64BE(BATCH_FIELD.baseOffset)
    const last = first + BigInt(batch.readInt32BE(BATCH_FIELD.lastOffsetDelta))
    this.#decoded = { partition, first, last, records: recordsOf(partition, batch) }
    return this.#decoded.records.get(offset) ?? null
  }

  async #leader(partition: PartitionRef): Promise<number | null> {
    const { topic, topicId } = partition
    const metadata = this.#metadata.get(topic) ?? (await this.#view.metadata([topic]))
    this.#metadata.set(topic, metadata)
    const now = metadata.topics.find((candidate) => candidate.topic === topic)
    if (now?.topicId !== topicId) return null
    const exists = now.partitions.some((each) => each.partition === partition.partition)
    return exists ? leaderOf(metadata, partition) : null
  }
}

/** The records of a batch by offset; none where it cannot be taken apart. As a worker reads it. */
export function recordsOf(
  { topic, partition }: PartitionRef,
  batch: Buffer,
): ReadonlyMap<bigint, SourceRecord> {
  const records = new Map<bigint, SourceRecord>()
  const { maxBatchBytes } = DEFAULT_TUNING
  const limits = { maxBatchBytes, maxSliceBytes: 1, from: 0n, aborted: [] }
  try {
    for (const slice of slices({ ...limits, topic, partition, recordBatches: batch }))
      for (const record of slice.records) if (record.fault === null) records.set(record.offset, record)
  } catch (error) {
    if (!(error instanceof DaybookError)) throw error
    return new Map()
  }
  return records
}

async function fetched(
  view: ClusterView,
  leader: number,
  partition: PartitionRef,
  offset: bigint,
): Promise<Buffer | null> {
  try {
    return (await fetchOne(view, leader, partition, offset, FETCH_BYTES)).recordBatches
  } catch (error) {
    if (error instanceof DaybookError && error.code === 'DAYBOOK_KAFKA_OFFSET_OUT_OF_RANGE') return null
    throw error
  }
}

function covering(bytes: Buffer, offset: bigint): Buffer | null {
  const batch = batchAt(bytes, offset)
  return batch !== null && batch.readBigInt64BE(BATCH_FIELD.baseOffset) <= offset ? batch : null
}

function isSame(a: PartitionRef, b: PartitionRef): boolean {
  return a.topicId === b.topicId && a.partition === b.partition && a.topic === b.topic
}
