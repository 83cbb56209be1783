import {
  BATCH_FIELD,
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
} from '../../../../runtime/kafka-wire/batch-header.ts'
import { crc32c } from '../../../../runtime/kafka-wire/crc32c.ts'

/** A record without headers and without a time of its own: it gets the batch's. */
export interface WireRecord {
  readonly key: Buffer
  readonly value: Buffer
}

export interface PartitionBatch {
  readonly partition: number
  /** Of the first record, as the client numbers it; brokers look at it where a producer has an id. */
  readonly firstSequence: number
  readonly messages: readonly WireRecord[]
}

export interface TopicBatches {
  readonly topic: string
  readonly partitions: readonly PartitionBatch[]
}

export interface ProduceBody {
  readonly acks: number
  readonly timeoutMs: number
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly topics: readonly TopicBatches[]
  readonly now: number
}

const MAGIC = 2
/** Attributes, time delta, and count of headers: one byte each. */
const RECORD_FIXED_BYTES = 3
const NO_TRANSACTION = -1

/**
 * The body of a Produce request, versions 3 to 7, with one uncompressed record batch (message format 2) for each
 * partition. Written in one piece: the Kafka client makes five buffers for each record.
 */
export function encodeProduceBody(body: ProduceBody): Buffer {
  const target = Buffer.allocUnsafe(bodyBytes(body))
  target.writeInt16BE(NO_TRANSACTION, 0)
  target.writeInt16BE(body.acks, 2)
  target.writeInt32BE(body.timeoutMs, 4)
  target.writeInt32BE(body.topics.length, 8)
  let at = 12
  for (const { topic, partitions } of body.topics) {
    const name = target.write(topic, at + 2, 'utf8')
    target.writeInt16BE(name, at)
    at = target.writeInt32BE(partitions.length, at + 2 + name)
    for (const batch of partitions) at = writePartition(target, at, batch, body)
  }
  return target
}

function bodyBytes({ topics }: ProduceBody): number {
  let bytes = 12
  for (const { topic, partitions } of topics) {
    bytes += 2 + Buffer.byteLength(topic) + 4
    for (const { messages } of partitions) bytes += 8 + batchBytes(messages)
  }
  return bytes
}

function batchBytes(messages: readonly WireRecord[]): number {
  let bytes = BATCH_HEADER_BYTES
  for (let i = 0; i < messages.length; i++) {
    const record = messages[i]
    if (record === undefined) continue
    const length = recordBytes(record, i)
    bytes += varintBytes(length) + length
  }
  return bytes
}

/** Without the length in front. */
function recordBytes({ key, value }: WireRecord, index: number): number {
  const lengths = varintBytes(index) + varintBytes(key.length) + varintBytes(value.length)
  return RECORD_FIXED_BYTES + lengths + key.length + value.length
}

function writePartition(target: Buffer, start: number, batch: PartitionBatch, body: ProduceBody): number {
  const at = start + 8
  const end = writeRecords(target, at + BATCH_HEADER_BYTES, batch.messages)
  target.writeInt32BE(batch.partition, start)
  target.writeInt32BE(end - at, start + 4)
  target.writeBigInt64BE(0n, at) // Offsets are the broker's to give.
  target.writeInt32BE(end - at - BATCH_PREFIX_BYTES, at + 8)
  target.writeInt32BE(0, at + 12) // Leader epoch: set by the broker.
  target.writeInt8(MAGIC, at + 16)
  target.writeInt16BE(0, at + 21) // No compression, no transaction, time of creation.
  target.writeInt32BE(batch.messages.length - 1, at + 23)
  target.writeBigInt64BE(BigInt(body.now), at + 27)
  target.writeBigInt64BE(BigInt(body.now), at + 35)
  target.writeBigInt64BE(body.producerId, at + 43)
  target.writeInt16BE(body.producerEpoch, at + 51)
  target.writeInt32BE(batch.firstSequence, at + 53)
  target.writeInt32BE(batch.messages.length, at + 57)
  target.writeUInt32BE(crc32c(target, at + BATCH_FIELD.attributes, end), at + BATCH_FIELD.crc)
  return end
}

function writeRecords(target: Buffer, start: number, messages: readonly WireRecord[]): number {
  let at = start
  for (let i = 0; i < messages.length; i++) {
    const record = messages[i]
    if (record === undefined) continue
    at = writeVarint(target, at, recordBytes(record, i))
    target[at++] = 0 // Attributes.
    target[at++] = 0 // Time since the batch's.
    at = writeVarint(target, at, i)
    at = writeBytes(target, at, record.key)
    at = writeBytes(target, at, record.value)
    target[at++] = 0 // Headers.
  }
  return at
}

function writeBytes(target: Buffer, start: number, bytes: Buffer): number {
  const at = writeVarint(target, start, bytes.length)
  target.set(bytes, at)
  return at + bytes.length
}

/** Zig-zag varint of what is not negative and below 2^30. */
function writeVarint(target: Buffer, start: number, n: number): number {
  let at = start
  let zigzag = n << 1
  while (zigzag > 0x7f) {
    target[at++] = (zigzag & 0x7f) | 0x80
    zigzag >>>= 7
  }
  target[at++] = zigzag
  return at
}

function varintBytes(n: number): number {
  if (n < 0x40) return 1
  if (n < 0x2000) return 2
  if (n < 0x100000) return 3
  return n < 0x8000000 ? 4 : 5
}
