import type { BrokerHandle } from '../client/kafkajs-internals.ts'
import { WireReader, WireWriter } from './wire-codec.ts'

/**
 * Fetch version 13 names topics by id (KIP-516): a topic that was deleted and made again under the same name is
 * refused by the broker instead of being read under the old one's offsets. Kafka 3.1 or newer.
 */
export const FETCH_API = { apiKey: 1, apiVersion: 13 } as const

export interface FetchPartition {
  readonly topicId: string
  readonly partition: number
  readonly offset: bigint
  /** Leader epoch of the record before `offset`; -1 where it is not known. */
  readonly lastEpoch?: number
  /** Bytes of it that an answer must have room for, where they are more than `maxBytesPerPartition`. */
  readonly leastBytes?: number
}

export interface FetchLimits {
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly maxBytesPerPartition: number
}

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

export interface FetchedPartition {
  readonly topicId: string
  readonly partition: number
  readonly errorCode: number
  readonly highWatermark: bigint
  /** The last stable offset: from here on nothing is given, because it is not written yet or a transaction is open. */
  readonly readableEnd: bigint
  readonly logStart: bigint
  /**
   * Set where the log was cut and has grown again: `lastEpoch` ends at this offset in it, before the one that was asked
   * for (KIP-320, KIP-595).
   */
  readonly cutAt: bigint | null
  readonly aborted: readonly AbortedTransaction[]
  /** Record batches, the last of which may be cut off. A view of the answer. */
  readonly recordBatches: Buffer | null
}

export interface FetchAnswer {
  readonly errorCode: number
  readonly partitions: readonly FetchedPartition[]
  readonly bytes: number
}

const READ_COMMITTED = 1
/** The tagged field of a partition's answer that says where its epochs part: an epoch (int32) and its end (int64). */
const DIVERGING_EPOCH = 0

export function requestFetch(
  broker: BrokerHandle,
  partitions: readonly FetchPartition[],
  limits: FetchLimits,
): Promise<FetchAnswer> {
  const body = encodeFetchRequest(partitions, limits)
  return broker.send({ ...FETCH_API, apiName: 'Fetch', body }, limits.maxWaitMs + 30_000, decodeFetchResponse)
}

export function encodeFetchRequest(partitions: readonly FetchPartition[], limits: FetchLimits): Buffer {
  const least = Math.max(...partitions.map(({ leastBytes = 0 }) => leastBytes))
  const byTopic = Map.groupBy(partitions, (partition) => partition.topicId)
  const writer = new WireWriter().noTags().int32(-1)
  writer.int32(limits.maxWaitMs).int32(limits.minBytes).int32(Math.max(limits.maxBytes, least))
  writer.int8(READ_COMMITTED).int32(0).int32(-1)
  writer.compactArray([...byTopic], ([topicId, wanted]) => {
    writer.uuid(topicId)
    writer.compactArray(wanted, ({ partition, offset, lastEpoch = -1, leastBytes = 0 }) => {
      writer.int32(partition).int32(-1).int64(offset).int32(lastEpoch).int64(-1n)
      writer.int32(Math.max(limits.maxBytesPerPartition, leastBytes)).noTags()
    })
    writer.noTags()
  })
  return writer
    .compactArray([], () => undefined)
    .compactString('')
    .noTags()
    .take()
}

export function decodeFetchResponse(payload: Buffer): FetchAnswer {
  const reader = new WireReader(payload)
  reader.skipTags()
  reader.int32()
  const errorCode = reader.int16()
  reader.int32()
  const partitions = reader.compactArray(() => readTopic(reader)).flat()
  return { errorCode, partitions, bytes: payload.length }
}

function readTopic(reader: WireReader): FetchedPartition[] {
  const topicId = reader.uuid()
  const partitions = reader.compactArray(() => readPartition(reader, topicId))
  reader.skipTags()
  return partitions
}

function readPartition(reader: WireReader, topicId: string): FetchedPartition {
  const partition = reader.int32()
  const errorCode = reader.int16()
  const highWatermark = reader.int64()
  const readableEnd = reader.int64()
  const logStart = reader.int64()
  const aborted = reader.compactArray(() => readAborted(reader))
  reader.int32()
  const recordBatches = reader.compactBytes()
  const cutAt = reader.tags().get(DIVERGING_EPOCH)?.readBigInt64BE(4) ?? null
  return {
    topicId,
    partition,
    errorCode,
    highWatermark,
    readableEnd,
    logStart,
    cutAt,
    aborted,
    recordBatches,
  }
}

function readAborted(reader: WireReader): AbortedTransaction {
  const producerId = reader.int64()
  const firstOffset = reader.int64()
  reader.skipTags()
  return { producerId, firstOffset }
}
