import { connect } from 'node:net'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { BATCH_FIELD, BATCH_HEADER_BYTES, BATCH_PREFIX_BYTES } from '../../runtime/kafka-wire/batch-header.ts'
import { crc32c } from '../../runtime/kafka-wire/crc32c.ts'

/** Kafka protocol guide, Produce version 7: the newest with a fixed header. */
const PRODUCE = { apiKey: 0, apiVersion: 7 } as const

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

function requestOf(o: Parameters<typeof produceRaw>[0]): Buffer {
  const body = produceBody(o)
  const head = Buffer.concat([
    int16(PRODUCE.apiKey),
    int16(PRODUCE.apiVersion),
    int32(1),
    int16(-1), // client id: null
  ])
  return Buffer.concat([int32(head.length + body.length), head, body])
}

/** What follows the client id. */
export function produceBody({
  topic,
  partition,
  batch,
}: Omit<Parameters<typeof produceRaw>[0], 'broker'>): Buffer {
  const name = Buffer.from(topic)
  return Buffer.concat([
    int16(-1), // transactional id: null
    int16(-1), // acks: all
    int32(30_000),
    int32(1),
    int16(name.length),
    name,
    int32(1),
    int32(partition),
    int32(batch.length),
    batch,
  ])
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
  /** Offset of the first record. Default: 0; the broker sets its own. */
  readonly base?: bigint
  /** Default: `count` − 1. */
  readonly lastOffsetDelta?: number
  /** Both times: now, when not given. */
  readonly firstTimestamp?: bigint
  readonly maxTimestamp?: bigint
  /** Attribute bits besides the codec, see `BATCH_ATTRIBUTE`. */
  readonly attributes?: number
  /** Default: −1, as producers without numbers write it; so are the two below. */
  readonly producerId?: bigint
  readonly producerEpoch?: number
  readonly firstSequence?: number
}

/** A record batch of format version 2 with a right checksum, whatever it holds. */
export function rawBatch(o: RawBatch): Buffer {
  const now = BigInt(Date.now())
  const batch = Buffer.alloc(BATCH_HEADER_BYTES + o.body.length)
  batch.writeBigInt64BE(o.base ?? 0n, BATCH_FIELD.baseOffset)
  batch.writeInt32BE(-1, BATCH_FIELD.leaderEpoch)
  batch.writeInt8(2, BATCH_FIELD.magic)
  batch.writeInt16BE((o.codec ?? 0) | (o.attributes ?? 0), BATCH_FIELD.attributes)
  batch.writeInt32BE(o.lastOffsetDelta ?? o.count - 1, BATCH_FIELD.lastOffsetDelta)
  batch.writeBigInt64BE(o.firstTimestamp ?? now, BATCH_FIELD.firstTimestamp)
  batch.writeBigInt64BE(o.maxTimestamp ?? now, BATCH_FIELD.maxTimestamp)
  batch.writeBigInt64BE(o.producerId ?? -1n, BATCH_FIELD.producerId)
  batch.writeInt16BE(o.producerEpoch ?? -1, BATCH_FIELD.producerEpoch)
  batch.writeInt32BE(o.firstSequence ?? -1, BATCH_FIELD.firstSequence)
  batch.writeInt32BE(o.count, BATCH_FIELD.count)
  o.body.copy(batch, BATCH_HEADER_BYTES)
  return sealed(batch)
}

/** Writes the length and the checksum that the bytes have now; gives the same buffer. */
export function sealed(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.length - BATCH_PREFIX_BYTES, BATCH_FIELD.length)
  batch.writeUInt32BE(crc32c(batch, BATCH_FIELD.attributes, batch.length), BATCH_FIELD.crc)
  return batch
}

/** One record as it stands in a batch. */
export function rawRecord(o: {
  readonly delta: number
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly timestampDelta?: bigint
  readonly headers?: readonly (readonly [string, Buffer | null])[]
}): Buffer {
  const headers = o.headers ?? []
  const body = Buffer.concat([
    Buffer.of(0),
    varint(o.timestampDelta ?? 0n),
    varint(BigInt(o.delta)),
    sized(o.key ?? null),
    sized(o.value ?? null),
    varint(BigInt(headers.length)),
    ...headers.flatMap(([name, header]) => [sized(Buffer.from(name)), sized(header)]),
  ])
  return Buffer.concat([varint(BigInt(body.length)), body])
}

export interface RawRecord {
  readonly key?: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly (readonly [string, Buffer | null])[]
}

const CODECS = {
  none: { number: 0, run: (bytes: Buffer) => bytes },
  gzip: { number: 1, run: (bytes: Buffer) => gzipSync(bytes) },
  zstd: { number: 4, run: (bytes: Buffer) => zstdCompressSync(bytes) },
} as const

export type RawCodec = keyof typeof CODECS

/** Records one after the other as a producer of any library could send them, all of one time long ago. */
export function batchOfRecords(records: readonly RawRecord[], codec: RawCodec = 'none', base = 0n): Buffer {
  const { number, run } = CODECS[codec]
  const body = run(Buffer.concat(records.map((record, delta) => rawRecord({ ...record, delta }))))
  const time = 1_700_000_000_000n
  return rawBatch({
    ...{ body, base, codec: number, count: records.length },
    ...{ firstTimestamp: time, maxTimestamp: time },
  })
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
