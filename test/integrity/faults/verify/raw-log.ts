import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'

/**
 * Reads a partition straight from the broker's segment files (Kafka message format v2, KIP-98), so that the truth of
 * a fault run comes through no client library. Whole batches only; a torn tail is not an error.
 */

export interface RawRecord {
  readonly offset: bigint
  /** The broker's append time in milliseconds, or the producer's timestamp where the topic keeps that. */
  readonly timestamp: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  /** A character for each byte; the last of those with one name. A map, since an object has no place for `__proto__`. */
  readonly headers: ReadonlyMap<string, string>
}

export interface RawPartition {
  readonly records: readonly RawRecord[]
  /** Transaction markers. */
  readonly control: readonly bigint[]
  readonly aborted: readonly bigint[]
}

interface Batch {
  readonly producerId: bigint
  readonly transactional: boolean
  readonly control: boolean
  readonly records: readonly RawRecord[]
}

const BATCH_OVERHEAD_BYTES = 12

/** `directory` is the partition's folder in the broker's log directory: `<log.dirs>/<topic>-<partition>`. */
export function readRawPartition(directory: string): RawPartition {
  const segments = readdirSync(directory)
    .filter((name) => name.endsWith('.log'))
    .sort()
  const batches = segments.flatMap((name) => [...readBatches(readFileSync(join(directory, name)))])
  return resolveTransactions(batches)
}

/** The records of each batch of a stretch of log. */
export function readRawBatches(log: Buffer): (readonly RawRecord[])[] {
  return [...readBatches(log)].map(({ records }) => records)
}

function resolveTransactions(batches: readonly Batch[]): RawPartition {
  const records: RawRecord[] = []
  const control: bigint[] = []
  const aborted: bigint[] = []
  const open = new Map<bigint, RawRecord[]>()
  for (const batch of batches) {
    if (batch.control) {
      const marker = batch.records[0]
      if (marker?.key === undefined || marker.key === null)
        throw new Error('a control batch without a marker')
      control.push(...batch.records.map((record) => record.offset))
      const ofTransaction = open.get(batch.producerId) ?? []
      open.delete(batch.producerId)
      // Control record key: version int16, type int16; type 0 is ABORT, 1 is COMMIT (KIP-98).
      if (marker.key.readInt16BE(2) === 1) records.push(...ofTransaction)
      else aborted.push(...ofTransaction.map((record) => record.offset))
    } else if (batch.transactional) {
      open.set(batch.producerId, [...(open.get(batch.producerId) ?? []), ...batch.records])
    } else {
      records.push(...batch.records)
    }
  }
  return { records: records.sort((a, b) => (a.offset < b.offset ? -1 : 1)), control, aborted }
}

function* readBatches(segment: Buffer): Generator<Batch> {
  let position = 0
  while (position + BATCH_OVERHEAD_BYTES <= segment.length) {
    const length = segment.readInt32BE(position + 8)
    const end = position + BATCH_OVERHEAD_BYTES + length
    if (length <= 0 || end > segment.length) return
    yield readBatch(segment.subarray(position, end))
    position = end
  }
}

function readBatch(batch: Buffer): Batch {
  const baseOffset = batch.readBigInt64BE(0)
  const attributes = batch.readInt16BE(21)
  const logAppendTime = (attributes & 0x08) !== 0
  const baseTimestamp = Number(batch.readBigInt64BE(27))
  const maxTimestamp = Number(batch.readBigInt64BE(35))
  const count = batch.readInt32BE(57)
  const body = decompress(batch.subarray(61), attributes & 0x07)
  const records: RawRecord[] = []
  let position = 0
  for (let i = 0; i < count; i++) {
    const [length, start] = varint(body, position)
    const end = start + length
    const [timestampDelta, afterTimestamp] = varint(body, start + 1)
    const [offsetDelta, afterOffset] = varint(body, afterTimestamp)
    const [key, afterKey] = bytes(body, afterOffset)
    const [value, afterValue] = bytes(body, afterKey)
    const timestamp = logAppendTime ? maxTimestamp : baseTimestamp + timestampDelta
    records.push({
      offset: baseOffset + BigInt(offsetDelta),
      timestamp,
      key,
      value,
      headers: headersAt(body, afterValue),
    })
    position = end
  }
  return {
    producerId: batch.readBigInt64BE(43),
    transactional: (attributes & 0x10) !== 0,
    control: (attributes & 0x20) !== 0,
    records,
  }
}

function headersAt(body: Buffer, position: number): ReadonlyMap<string, string> {
  const headers = new Map<string, string>()
  let [count, at] = varint(body, position)
  for (; count > 0; count--) {
    const [name, afterName] = bytes(body, at)
    const [value, afterValue] = bytes(body, afterName)
    headers.set(name?.toString('utf8') ?? '', value?.toString('latin1') ?? '')
    at = afterValue
  }
  return headers
}

function decompress(body: Buffer, codec: number): Buffer {
  if (codec === 0) return body
  if (codec === 1) return gunzipSync(body)
  if (codec === 4) return zstdDecompressSync(body)
  throw new Error(`the raw dump does not read compression codec ${codec}`)
}

function bytes(buffer: Buffer, position: number): [Buffer | null, number] {
  const [length, start] = varint(buffer, position)
  if (length < 0) return [null, start]
  return [Buffer.from(buffer.subarray(start, start + length)), start + length]
}

/** Zig-zag varint within ±2^53. */
function varint(buffer: Buffer, position: number): [number, number] {
  let value = 0
  let factor = 1
  for (let at = position; ; at++) {
    const byte = buffer.readUInt8(at)
    value += (byte & 0x7f) * factor
    if ((byte & 0x80) === 0) return [value % 2 === 0 ? value / 2 : -(value + 1) / 2, at + 1]
    factor *= 128
  }
}
