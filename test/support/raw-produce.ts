import { connect } from 'node:net'
import { crc32c } from '../../runtime/kafka-wire/crc32c.ts'

/** Kafka protocol guide, Produce version 7: the newest with a fixed header. */
const PRODUCE = { apiKey: 0, apiVersion: 7 } as const
const BATCH_HEADER_BYTES = 61
const CRC_AT = 17
const CRC_FROM = 21

/** Sends one record batch as it is, and gives the broker's answer. */
export async function produceRaw(o: {
  readonly broker: string
  readonly topic: string
  readonly partition: number
  /** A whole record batch, its checksum right. */
  readonly batch: Buffer
}): Promise<{ readonly errorCode: number; readonly baseOffset: bigint }> {
  const [host = '', port = ''] = o.broker.split(':')
  const socket = connect({ host, port: Number(port) })
  try {
    socket.write(requestOf(o))
    return await answerFrom(socket)
  } finally {
    socket.destroy()
  }
}

function requestOf({ topic, partition, batch }: Parameters<typeof produceRaw>[0]): Buffer {
  const name = Buffer.from(topic)
  const head = Buffer.concat([
    int16(PRODUCE.apiKey),
    int16(PRODUCE.apiVersion),
    int32(1),
    int16(-1), // client id: null
    int16(-1), // transactional id: null
    int16(-1), // acks: all
    int32(30_000),
    int32(1),
    int16(name.length),
    name,
    int32(1),
    int32(partition),
    int32(batch.length),
  ])
  return Buffer.concat([int32(head.length + batch.length), head, batch])
}

async function answerFrom(socket: NodeJS.ReadableStream) {
  let bytes = Buffer.alloc(0)
  for await (const chunk of socket) {
    bytes = Buffer.concat([bytes, chunk as Buffer])
    if (bytes.length >= 4 && bytes.length >= 4 + bytes.readInt32BE(0)) break
  }
  // Size, correlation id, count of topics, name, count of partitions, partition; then what is asked for.
  const at = 12 + 2 + bytes.readInt16BE(12) + 4 + 4
  return { errorCode: bytes.readInt16BE(at), baseOffset: bytes.readBigInt64BE(at + 2) }
}

export interface RawBatch {
  /** The records' bytes, compressed as `codec` says. */
  readonly body: Buffer
  /** 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd. */
  readonly codec?: number
  readonly count: number
  /** Default: `count` − 1. */
  readonly lastOffsetDelta?: number
  readonly firstTimestamp?: bigint
  readonly maxTimestamp?: bigint
}

/** A record batch of format version 2 with a right checksum, whatever it holds. */
export function rawBatch(o: RawBatch): Buffer {
  const now = BigInt(Date.now())
  const batch = Buffer.alloc(BATCH_HEADER_BYTES + o.body.length)
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt32BE(-1, 12)
  batch.writeInt8(2, 16)
  batch.writeInt16BE(o.codec ?? 0, 21)
  batch.writeInt32BE(o.lastOffsetDelta ?? o.count - 1, 23)
  batch.writeBigInt64BE(o.firstTimestamp ?? now, 27)
  batch.writeBigInt64BE(o.maxTimestamp ?? now, 35)
  batch.writeBigInt64BE(-1n, 43)
  batch.writeInt16BE(-1, 51)
  batch.writeInt32BE(-1, 53)
  batch.writeInt32BE(o.count, 57)
  o.body.copy(batch, BATCH_HEADER_BYTES)
  return withChecksum(batch)
}

/** The batch with its checksum made right. */
export function withChecksum(batch: Buffer): Buffer {
  batch.writeUInt32BE(crc32c(batch, CRC_FROM, batch.length), CRC_AT)
  return batch
}

/** One record as it stands in a batch. */
export function rawRecord(o: {
  readonly delta: number
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly timestampDelta?: bigint
}): Buffer {
  const body = Buffer.concat([
    Buffer.of(0),
    varint(o.timestampDelta ?? 0n),
    varint(BigInt(o.delta)),
    sized(o.key ?? null),
    sized(o.value ?? null),
    varint(0n),
  ])
  return Buffer.concat([varint(BigInt(body.length)), body])
}

/** Zig-zag varint. */
export function varint(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

function sized(bytes: Buffer | null): Buffer {
  return bytes === null ? varint(-1n) : Buffer.concat([varint(BigInt(bytes.length)), bytes])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
