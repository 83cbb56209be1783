import { gzipSync, zstdCompressSync } from 'node:zlib'
import type { PartitionRef } from '../../../consumers/engine/contracts.ts'
import type { ClusterView } from '../../../consumers/kafka/client/cluster-view.ts'
import { leaderOf } from '../../../consumers/kafka/client/topic-metadata.ts'
import {
  BATCH_FIELD,
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
} from '../../../runtime/kafka-wire/batch-header.ts'
import { crc32c } from '../../../runtime/kafka-wire/crc32c.ts'

export interface RawRecord {
  readonly key?: Buffer | null
  readonly value: Buffer | null
  readonly headers?: readonly (readonly [string, Buffer])[]
}

const CODECS = {
  none: { number: 0, run: (bytes: Buffer) => bytes },
  gzip: { number: 1, run: (bytes: Buffer) => gzipSync(bytes) },
  zstd: { number: 4, run: (bytes: Buffer) => zstdCompressSync(bytes) },
} as const

export type RawCodec = keyof typeof CODECS

/** A record batch (message format 2) as a producer of any library could send it. */
export function rawBatch(records: readonly RawRecord[], codec: RawCodec = 'none', base = 0n): Buffer {
  const { number, run } = CODECS[codec]
  return batchOf(run(Buffer.concat(records.map(rawRecord))), records.length, number, base)
}

/** The same around bytes that need be no records. */
export function batchOf(body: Buffer, count: number, codec: number, base = 0n): Buffer {
  const batch = Buffer.alloc(BATCH_HEADER_BYTES + body.length)
  body.copy(batch, BATCH_HEADER_BYTES)
  batch.writeBigInt64BE(base, BATCH_FIELD.baseOffset)
  batch.writeInt32BE(batch.length - BATCH_PREFIX_BYTES, BATCH_FIELD.length)
  batch.writeInt8(2, BATCH_FIELD.magic)
  batch.writeInt16BE(codec, BATCH_FIELD.attributes)
  batch.writeInt32BE(count - 1, BATCH_FIELD.lastOffsetDelta)
  batch.writeBigInt64BE(1_700_000_000_000n, BATCH_FIELD.firstTimestamp)
  batch.writeBigInt64BE(1_700_000_000_000n, BATCH_FIELD.maxTimestamp)
  batch.writeBigInt64BE(-1n, BATCH_FIELD.producerId)
  batch.writeInt16BE(-1, BATCH_FIELD.producerEpoch)
  batch.writeInt32BE(-1, BATCH_FIELD.firstSequence)
  batch.writeInt32BE(count, BATCH_FIELD.count)
  batch.writeUInt32BE(crc32c(batch, BATCH_FIELD.attributes, batch.length), BATCH_FIELD.crc)
  return batch
}

function rawRecord({ key = null, value, headers = [] }: RawRecord, delta: number): Buffer {
  const body = Buffer.concat([
    Buffer.from([0]),
    varint(0),
    varint(delta),
    ...field(key),
    ...field(value),
    varint(headers.length),
    ...headers.flatMap(([name, header]) => [...field(Buffer.from(name)), ...field(header)]),
  ])
  return Buffer.concat([varint(body.length), body])
}

function field(bytes: Buffer | null): Buffer[] {
  return bytes === null ? [varint(-1)] : [varint(bytes.length), bytes]
}

function varint(n: number): Buffer {
  const out: number[] = []
  let zigzag = n < 0 ? -2 * n - 1 : 2 * n
  for (; zigzag > 0x7f; zigzag = Math.floor(zigzag / 128)) out.push((zigzag % 128) | 0x80)
  out.push(zigzag)
  return Buffer.from(out)
}

/** Produces a batch as it is. Resolves with the broker's error code, 0 where it took it. */
export async function produceRaw(view: ClusterView, ref: PartitionRef, batch: Buffer): Promise<number> {
  const broker = await view.broker(leaderOf(await view.metadata([ref.topic]), ref))
  const name = Buffer.from(ref.topic)
  const head = Buffer.alloc(12)
  head.writeInt16BE(-1, 0)
  head.writeInt16BE(-1, 2)
  head.writeInt32BE(30_000, 4)
  head.writeInt32BE(1, 8)
  const body = Buffer.concat([
    head,
    int16(name.length),
    name,
    int32(1),
    int32(ref.partition),
    int32(batch.length),
    batch,
  ])
  return broker.send({ apiKey: 0, apiVersion: 7, apiName: 'Produce', body }, 30_000, (payload) =>
    // Topics, name, partitions, partition: then the error code.
    payload.readInt16BE(4 + 2 + name.length + 4 + 4),
  )
}

function int16(n: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(n)
  return bytes
}

function int32(n: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(n)
  return bytes
}
