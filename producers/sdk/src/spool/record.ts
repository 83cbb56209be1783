import { crc32 } from 'node:zlib'

/**
 * A spooled record: marker (4), body length (4), CRC-32 of the body (4), body. Integers are big-endian.
 * Body: sequence (8), key (8), length of the retention class (1), retention class (latin1), value.
 * The value is the Kafka value with an empty schema id: the id is attached when it is sent.
 */
export interface SpoolRecord {
  readonly sequence: number
  /** Eight bytes. */
  readonly key: Buffer
  readonly retention: string
  readonly value: Buffer
}

export const MARKER = Buffer.from([0xdb, 0x0e, 0xc0, 0xd5])
const MARKER_WORD = MARKER.readUInt32BE(0)
const HEADER = 12
const KEY_BYTES = 8
const FIXED_BODY = 8 + KEY_BYTES + 1
const TWO_32 = 2 ** 32
export const MAX_BODY_BYTES = 16 * 1024 * 1024

export function recordBytes(retention: string, value: Uint8Array): number {
  return HEADER + FIXED_BODY + retention.length + value.length
}

/** Writes the record at `at` of `target`, which has room, and returns the record with views of its parts there. */
export function writeRecord(target: Buffer, at: number, record: SpoolRecord): SpoolRecord {
  const body = at + HEADER
  const keyAt = body + 8
  const retentionAt = keyAt + KEY_BYTES + 1
  const valueAt = retentionAt + record.retention.length
  const end = valueAt + record.value.length
  target.writeUInt32BE(Math.floor(record.sequence / TWO_32), body)
  target.writeUInt32BE(record.sequence >>> 0, body + 4)
  target.set(record.key, keyAt)
  target[keyAt + KEY_BYTES] = record.retention.length
  target.write(record.retention, retentionAt, 'latin1')
  target.set(record.value, valueAt)
  target.writeUInt32BE(MARKER_WORD, at)
  target.writeUInt32BE(end - body, at + 4)
  target.writeUInt32BE(crc32(target.subarray(body, end)), at + 8)
  return {
    sequence: record.sequence,
    key: target.subarray(keyAt, keyAt + KEY_BYTES),
    retention: record.retention,
    value: target.subarray(valueAt, end),
  }
}

export type Parsed =
  | { readonly kind: 'record'; readonly record: SpoolRecord; readonly end: number }
  /** The bytes end before the record does. `needed`: its length, as far as it can be known. */
  | { readonly kind: 'incomplete'; readonly needed: number }
  | { readonly kind: 'corrupt' }

/** Reads the record at `at`. Its key and value are views of `source`. */
export function parseRecord(source: Buffer, at: number): Parsed {
  if (at + HEADER > source.length) return { kind: 'incomplete', needed: HEADER }
  if (source.readUInt32BE(at) !== MARKER_WORD) return { kind: 'corrupt' }
  const length = source.readUInt32BE(at + 4)
  if (length < FIXED_BODY || length > MAX_BODY_BYTES) return { kind: 'corrupt' }
  const body = at + HEADER
  const end = body + length
  if (end > source.length) return { kind: 'incomplete', needed: HEADER + length }
  if (crc32(source.subarray(body, end)) !== source.readUInt32BE(at + 8)) return { kind: 'corrupt' }
  const keyAt = body + 8
  const retentionAt = keyAt + KEY_BYTES + 1
  const valueAt = retentionAt + (source[keyAt + KEY_BYTES] ?? 0)
  if (valueAt > end) return { kind: 'corrupt' }
  const record = {
    sequence: source.readUInt32BE(body) * TWO_32 + source.readUInt32BE(body + 4),
    key: source.subarray(keyAt, keyAt + KEY_BYTES),
    retention: source.toString('latin1', retentionAt, valueAt),
    value: source.subarray(valueAt, end),
  }
  return { kind: 'record', record, end }
}

/** The first position after `at` where a whole, sound record begins; -1 when there is none. */
export function findRecord(source: Buffer, at: number): number {
  let position = source.indexOf(MARKER, at + 1)
  while (position !== -1) {
    if (parseRecord(source, position).kind === 'record') return position
    position = source.indexOf(MARKER, position + 1)
  }
  return -1
}
