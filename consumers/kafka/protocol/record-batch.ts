import {
  BATCH_ATTRIBUTE,
  BATCH_FIELD,
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
} from '../../../runtime/kafka-wire/batch-header.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import type { Gap, GapReason } from '../../engine/contracts.ts'
import { type RecordFault, SourceRecord } from '../../engine/source-record.ts'
import { AbortedTracker } from './aborted-transactions.ts'
import { decompress } from './compression/decompress.ts'
import type { AbortedTransaction } from './fetch-request.ts'

/** Header values in order of appearance; a name may occur more than once. */
export type RecordHeaders = readonly (readonly [name: string, value: Buffer | null])[]

export interface FetchedRecord extends SourceRecord {
  /** Only where `withHeaders` asked for them. */
  readonly headers?: RecordHeaders
}

/** What one stretch of a fetch holds: records and gaps together cover `first`..`last` exactly. */
export interface DecodedSlice {
  readonly first: bigint
  readonly last: bigint
  readonly records: readonly FetchedRecord[]
  readonly gaps: readonly Gap[]
}

export interface SliceOptions {
  readonly topic: string
  readonly partition: number
  /** Record batches as the broker sent them; the last one may be cut off. */
  readonly recordBatches: Buffer
  /** The offset that was asked for: what lies below it in the first batch is left out. */
  readonly from: bigint
  readonly aborted: readonly AbortedTransaction[]
  /** A slice ends after the batch that brings it to this many decompressed bytes. */
  readonly maxSliceBytes: number
  /** A batch that decompresses to more is not taken apart: it becomes one record with a `fault`. */
  readonly maxBatchBytes: number
  /** Events carry nothing in Kafka headers, so they are skipped unless asked for. */
  readonly withHeaders?: boolean
}

/**
 * Decodes lazily, batch by batch, so that a small compressed answer never stands in memory decompressed as a whole.
 * Records point into the answer (or into the decompressed batch).
 * @throws DaybookError DAYBOOK_KAFKA_BATCH_CORRUPT, DAYBOOK_KAFKA_CODEC_UNKNOWN
 */
export function* slices(options: SliceOptions): Generator<DecodedSlice, void, undefined> {
  const { recordBatches: buffer, maxSliceBytes } = options
  const aborted = new AbortedTracker(options.aborted)
  let slice = new Slice(options.from)
  let at = 0
  while (at + BATCH_HEADER_BYTES <= buffer.length) {
    const end = at + BATCH_PREFIX_BYTES + buffer.readInt32BE(at + BATCH_FIELD.length)
    if (end > buffer.length) break
    if (end < at + BATCH_HEADER_BYTES) throw corrupt(options, slice.next, 'batch shorter than its header')
    addBatch(slice, buffer, at, end, aborted, options)
    at = end
    if (slice.bytes < maxSliceBytes) continue
    if (!slice.isEmpty()) yield slice.close()
    slice = new Slice(slice.next)
  }
  if (!slice.isEmpty()) yield slice.close()
}

interface SliceMark {
  readonly next: bigint
  readonly records: number
  readonly gaps: number
  readonly lastOfGaps: bigint | undefined
}

class Slice {
  readonly first: bigint
  next: bigint
  bytes = 0
  readonly records: FetchedRecord[] = []
  readonly #gaps: { first: bigint; last: bigint; reason: GapReason }[] = []

  constructor(first: bigint) {
    this.first = first
    this.next = first
  }

  isEmpty(): boolean {
    return this.next === this.first
  }

  /** Nothing stands at the offsets from the next expected one up to `last`. */
  gapThrough(last: bigint, reason: GapReason): void {
    if (last < this.next) return
    const previous = this.#gaps.at(-1)
    if (previous?.reason === reason && previous.last === this.next - 1n) previous.last = last
    else this.#gaps.push({ first: this.next, last, reason })
    this.next = last + 1n
  }

  mark(): SliceMark {
    const lastOfGaps = this.#gaps.at(-1)?.last
    return { next: this.next, records: this.records.length, gaps: this.#gaps.length, lastOfGaps }
  }

  /** Forgets what came after `mark`. */
  resetTo(mark: SliceMark): void {
    this.next = mark.next
    this.records.length = mark.records
    this.#gaps.length = mark.gaps
    const gap = this.#gaps.at(-1)
    if (gap !== undefined && mark.lastOfGaps !== undefined) gap.last = mark.lastOfGaps
  }

  close(): DecodedSlice {
    return { first: this.first, last: this.next - 1n, records: this.records, gaps: this.#gaps }
  }
}

function addBatch(
  slice: Slice,
  buffer: Buffer,
  at: number,
  end: number,
  aborted: AbortedTracker,
  options: SliceOptions,
): void {
  const magic = buffer.readInt8(at + BATCH_FIELD.magic)
  if (magic !== 2) throw corrupt(options, slice.next, `record format ${magic}, only 2 is supported`)
  const base = buffer.readBigInt64BE(at)
  const last = base + BigInt(buffer.readInt32BE(at + BATCH_FIELD.lastOffsetDelta))
  const attributes = buffer.readInt16BE(at + BATCH_FIELD.attributes)
  const producerId = buffer.readBigInt64BE(at + BATCH_FIELD.producerId)
  slice.bytes += end - at
  aborted.reach(last)
  slice.gapThrough(base - 1n, 'absent')
  if ((attributes & BATCH_ATTRIBUTE.control) !== 0) {
    if (isAbortMarker(buffer, at, end)) aborted.end(producerId)
    slice.gapThrough(last, 'control')
  } else if ((attributes & BATCH_ATTRIBUTE.transactional) !== 0 && aborted.has(producerId)) {
    slice.gapThrough(last, 'aborted')
  } else {
    if (last >= slice.next) addRecords(slice, buffer, at, end, attributes, options)
    slice.gapThrough(last, 'absent')
  }
}

/** The key of a control record is version and type, two bytes each; type 0 is ABORT. */
function isAbortMarker(buffer: Buffer, at: number, end: number): boolean {
  const cursor = new Cursor(buffer, at + BATCH_HEADER_BYTES, end)
  cursor.varint()
  cursor.at += 1
  cursor.skipVarlong()
  cursor.varint()
  const keyBytes = cursor.varint()
  return keyBytes >= 4 && cursor.at + 4 <= end && buffer.readInt16BE(cursor.at + 2) === 0
}

function addRecords(
  slice: Slice,
  buffer: Buffer,
  at: number,
  end: number,
  attributes: number,
  options: SliceOptions,
): void {
  const base = buffer.readBigInt64BE(at)
  const codec = attributes & BATCH_ATTRIBUTE.codec
  const compressed = buffer.subarray(at + BATCH_HEADER_BYTES, end)
  const body = codec === 0 ? buffer : decompress(codec, compressed, { ...options, offset: base })
  const batch = buffer.subarray(at, end)
  if (body === null) {
    setAside(slice, batch, 'OVERSIZED', `are a compressed batch of more than ${options.maxBatchBytes} bytes`)
    return
  }
  if (codec !== 0) slice.bytes += body.length
  const mark = slice.mark()
  const isAppendTime = (attributes & BATCH_ATTRIBUTE.appendTime) !== 0
  const timestamp = Number(
    buffer.readBigInt64BE(at + (isAppendTime ? BATCH_FIELD.maxTimestamp : BATCH_FIELD.firstTimestamp)),
  )
  const cursor = new Cursor(body, codec === 0 ? at + BATCH_HEADER_BYTES : 0, codec === 0 ? end : body.length)
  const count = buffer.readInt32BE(at + BATCH_FIELD.count)
  const lastDelta = buffer.readInt32BE(at + BATCH_FIELD.lastOffsetDelta)
  const facts = { base, timestamp, isAppendTime, withHeaders: options.withHeaders === true }
  let delta = -1
  for (let i = 0; i < count; i++) {
    const recordEnd = cursor.recordEnd()
    if (recordEnd < 0) throw corrupt(options, base, `record ${i} of ${count} reaches beyond the batch`)
    const next = addRecord(slice, body, cursor, facts)
    if (next <= delta || next > lastDelta) {
      slice.resetTo(mark)
      setAside(
        slice,
        batch,
        'MALFORMED',
        `are a batch whose record ${i} has offset delta ${next} after ${delta}`,
      )
      return
    }
    delta = next
    if (cursor.at > recordEnd) throw corrupt(options, base, `record ${i} of ${count} is longer than it says`)
    cursor.at = recordEnd
  }
}

/**
 * A batch that cannot be taken apart, because it unpacks to more than a worker may hold, or because its records do not
 * count up (brokers take that from a broken producer): its bytes as they are, so that nothing is lost and nobody waits.
 */
function setAside(slice: Slice, batch: Buffer, code: 'OVERSIZED' | 'MALFORMED', what: string): void {
  const base = batch.readBigInt64BE(0)
  const last = base + BigInt(batch.readInt32BE(BATCH_FIELD.lastOffsetDelta))
  const appendTime = Number(batch.readBigInt64BE(BATCH_FIELD.maxTimestamp))
  if (base >= slice.next) {
    const fault: RecordFault = { code, reason: `offsets ${base} to ${last} ${what}` }
    slice.records.push(new SourceRecord(base, appendTime, batch, -1, -1, 0, batch.length, fault))
    slice.next = base + 1n
  }
  slice.gapThrough(last, 'quarantined')
}

interface BatchFacts {
  readonly base: bigint
  /** Of the batch: append time, or the time that records count from. */
  readonly timestamp: number
  readonly isAppendTime: boolean
  readonly withHeaders: boolean
}

/** Returns the record's offset delta. */
function addRecord(slice: Slice, body: Buffer, cursor: Cursor, batch: BatchFacts): number {
  cursor.at += 1
  let appendTime = batch.timestamp
  if (batch.isAppendTime) cursor.skipVarlong()
  else appendTime += cursor.varlong()
  const delta = cursor.varint()
  const offset = batch.base + BigInt(delta)
  const keyEnd = cursor.skipBytes()
  const keyStart = cursor.start
  const valueEnd = cursor.skipBytes()
  const valueStart = cursor.start
  if (offset !== slice.next) {
    if (offset < slice.next) return delta
    slice.gapThrough(offset - 1n, 'absent')
  }
  const record = new SourceRecord(offset, appendTime, body, keyStart, keyEnd, valueStart, valueEnd)
  slice.records.push(
    batch.withHeaders ? Object.assign(record, { headers: takeHeaders(body, cursor) }) : record,
  )
  slice.next = offset + 1n
  return delta
}

function takeBytes(body: Buffer, cursor: Cursor): Buffer | null {
  const end = cursor.skipBytes()
  return end < 0 ? null : body.subarray(cursor.start, end)
}

/** Ours have about ten; a small compressed batch may claim millions. What is beyond is not read. */
const MAX_HEADERS = 64

function takeHeaders(body: Buffer, cursor: Cursor): RecordHeaders {
  const headers: [string, Buffer | null][] = []
  const count = Math.min(cursor.varint(), MAX_HEADERS)
  for (let left = count; left > 0 && cursor.at < body.length; left--) {
    const name = takeBytes(body, cursor)?.toString('utf8') ?? ''
    headers.push([name, takeBytes(body, cursor)])
  }
  return headers
}

/** Reads Kafka's zig-zag varints. Reading past the end gives zeros; callers check positions afterwards. */
class Cursor {
  readonly #buffer: Buffer
  readonly #end: number
  at: number
  /** Where what `skipBytes` passed last begins, -1 for null. */
  start = -1

  constructor(buffer: Buffer, at: number, end: number) {
    this.#buffer = buffer
    this.at = at
    this.#end = end
  }

  varint(): number {
    let raw = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#buffer[this.at++] ?? 0
      raw |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    return (raw >>> 1) ^ -(raw & 1)
  }

  /** Passes bytes with their length in front, null where that is negative. Leaves their `start`; gives their end. */
  skipBytes(): number {
    const bytes = this.varint()
    this.start = bytes < 0 ? -1 : this.at
    if (bytes > 0) this.at += bytes
    return bytes < 0 ? -1 : this.at
  }

  /** Milliseconds fit in a double. */
  varlong(): number {
    let raw = 0
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = this.#buffer[this.at++] ?? 0
      raw += (byte & 0x7f) * scale
      if (byte < 0x80) break
    }
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
  }

  skipVarlong(): void {
    while ((this.#buffer[this.at++] ?? 0) >= 0x80);
  }

  /** Reads a record's length and gives where it ends; -1 when that is not within the batch. */
  recordEnd(): number {
    const length = this.varint()
    const recordEnd = this.at + length
    return length < 0 || recordEnd > this.#end ? -1 : recordEnd
  }
}

function corrupt(options: SliceOptions, offset: bigint, reason: string): DaybookError {
  const { topic, partition } = options
  return new DaybookError(
    'DAYBOOK_KAFKA_BATCH_CORRUPT',
    `${topic}/${partition} near offset ${offset}: ${reason}; check the broker's log with kafka-dump-log`,
    { details: { topic, partition, offset } },
  )
}
