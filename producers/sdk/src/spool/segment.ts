import { crc32 } from 'node:zlib'

/**
 * A segment file: magic and version (8), length of the schema text (4), its CRC-32 (4), the schema text (UTF-8),
 * then records. The schema that wrote the records stands in the file, so that another version of this package can
 * send them.
 */
const MAGIC = Buffer.from('DBSPOOL\x01', 'latin1')
const FIXED = 16
const MAX_SCHEMA_BYTES = 1024 * 1024

/** The directory that a segment stands in, and what is remembered of it. */
export interface SegmentOwner {
  /** Everything up to `end` of `segment`, and all segments before it, is settled. Cheap, not synced. */
  settledThrough(segment: Segment, end: number): void
}

export interface Segment {
  readonly owner: SegmentOwner
  readonly path: string
  /** `<instance>/<file>`, for messages. */
  readonly name: string
  readonly index: number
  readonly schema: string
  /** Where the first record begins. */
  readonly start: number
}

export function segmentFile(index: number): string {
  return `${String(index).padStart(10, '0')}.seg`
}

/** The index of a segment file's name, or null for any other file. */
export function segmentIndex(file: string): number | null {
  return /^\d{10}\.seg$/.test(file) ? Number.parseInt(file, 10) : null
}

export function segmentHeader(schema: string): Buffer {
  const text = Buffer.from(schema)
  const header = Buffer.alloc(FIXED + text.length)
  MAGIC.copy(header)
  header.writeUInt32BE(text.length, 8)
  header.writeUInt32BE(crc32(text), 12)
  text.copy(header, FIXED)
  return header
}

/** The schema and the start of the records, or null when the header is cut or damaged. */
export function parseSegmentHeader(bytes: Buffer): { schema: string; start: number } | null {
  if (bytes.length < FIXED || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return null
  const length = bytes.readUInt32BE(8)
  const start = FIXED + length
  if (length > MAX_SCHEMA_BYTES || start > bytes.length) return null
  const text = bytes.subarray(FIXED, start)
  return crc32(text) === bytes.readUInt32BE(12) ? { schema: text.toString('utf8'), start } : null
}

export const MAX_HEADER_BYTES = FIXED + MAX_SCHEMA_BYTES
