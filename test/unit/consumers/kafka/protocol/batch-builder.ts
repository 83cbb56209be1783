import { gzipSync } from 'node:zlib'
import { crc32c } from '../../../../../runtime/kafka-wire/crc32c.ts'

/** A record batch as Kafka writes it (format version 2), for tests of its decoder. */
export interface BatchSpec {
  readonly base: bigint
  readonly records: readonly RecordSpec[]
  /** Default: that of the last record. */
  readonly lastOffsetDelta?: number
  readonly producerId?: bigint
  readonly isTransactional?: boolean
  readonly isControl?: boolean
  /** Milliseconds; with it the batch has append time. */
  readonly appendTime?: number
  readonly firstTimestamp?: number
  readonly codec?: 0 | 1
}

export interface RecordSpec {
  readonly delta: number
  readonly key?: Buffer | null
  readonly value?: Buffer | null
  readonly timestampDelta?: number
  readonly headers?: readonly (readonly [string, Buffer | null])[]
}

export function buildBatch(spec: BatchSpec): Buffer {
  const body = Buffer.concat(spec.records.map(buildRecord))
  const packed = spec.codec === 1 ? gzipSync(body) : body
  const batch = Buffer.alloc(61 + packed.length)
  batch.writeBigInt64BE(spec.base, 0)
  batch.writeInt8(2, 16)
  const attributes =
    (spec.codec ?? 0) |
    (spec.appendTime === undefined ? 0 : 0x08) |
    (spec.isTransactional === true ? 0x10 : 0) |
    (spec.isControl === true ? 0x20 : 0)
  batch.writeInt16BE(attributes, 21)
  batch.writeInt32BE(spec.lastOffsetDelta ?? spec.records.at(-1)?.delta ?? 0, 23)
  batch.writeBigInt64BE(BigInt(spec.firstTimestamp ?? 0), 27)
  batch.writeBigInt64BE(BigInt(spec.appendTime ?? spec.firstTimestamp ?? 0), 35)
  batch.writeBigInt64BE(spec.producerId ?? -1n, 43)
  batch.writeInt32BE(spec.records.length, 57)
  packed.copy(batch, 61)
  return sealed(batch)
}

/** Writes the length and the checksum that the bytes have now; gives the same buffer. */
export function sealed(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeUInt32BE(crc32c(batch, 21, batch.length), 17)
  return batch
}

/** A transaction's end. */
export function buildMarker(base: bigint, producerId: bigint, kind: 'commit' | 'abort'): Buffer {
  const key = Buffer.from([0, 0, 0, kind === 'abort' ? 0 : 1])
  const records = [{ delta: 0, key, value: Buffer.alloc(6) }]
  return buildBatch({ base, producerId, records, isTransactional: true, isControl: true })
}

export function buildRecord({
  delta,
  key = null,
  value = null,
  timestampDelta = 0,
  headers = [],
}: RecordSpec): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(BigInt(timestampDelta)),
    varint(BigInt(delta)),
    sized(key),
    sized(value),
    varint(BigInt(headers.length)),
    ...headers.flatMap(([name, header]) => [sized(Buffer.from(name)), sized(header)]),
  ])
  return Buffer.concat([varint(BigInt(body.length)), body])
}

function sized(bytes: Buffer | null): Buffer {
  return bytes === null ? varint(-1n) : Buffer.concat([varint(BigInt(bytes.length)), bytes])
}

export function varint(value: bigint): Buffer {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  const bytes: number[] = []
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}
