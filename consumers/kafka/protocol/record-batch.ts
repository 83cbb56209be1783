import { BATCH_ATTRIBUTE, BATCH_FIELD, BATCH_HEADER_BYTES } from '../../../runtime/kafka-wire/batch-header.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import type { RecordFault } from '../../engine/source-record.ts'
import { AbortedTracker } from './aborted-transactions.ts'
import { isIntact } from './batch-checksum.ts'
import { type BatchExtent, extentAt, LEGACY_ATTRIBUTES, type NextExtent } from './batch-extents.ts'
import { decompress } from './compression/decompress.ts'
import { type ControlMarker, controlMarker } from './control-batch.ts'
import type { AbortedTransaction } from './fetch-request.ts'
import { type BatchFacts, type RecordTarget, readRecords, toTime } from './record-reader.ts'
import { type DecodedSlice, Slice } from './slice.ts'

export interface SliceOptions {
  readonly topic: string
  readonly partition: number
  /** Record batches as the broker sent them; the last one may be cut off. */
  readonly recordBatches: Buffer
  /** The offset that was asked for: what lies below it in the first batch is left out. */
  readonly from: bigint
  readonly aborted: readonly AbortedTransaction[]
  /** Of the same answer: a damaged last batch is not believed to reach beyond it. */
  readonly highWatermark?: bigint
  /**
   * Where in `recordBatches` the batches begin that do not match their checksum, where all checksums were looked at
   * before; not given: they are looked at here.
   */
  readonly damagedAt?: ReadonlySet<number>
  /** A slice ends after the batch that brings it to this many decompressed bytes. */
  readonly maxSliceBytes: number
  /** A batch that decompresses to more is not taken apart: it becomes one record with a `fault`. */
  readonly maxBatchBytes: number
  /** Events carry nothing in Kafka headers, so they are skipped unless asked for. */
  readonly withHeaders?: boolean
}

/**
 * Decodes lazily, batch by batch, so that a small compressed answer never stands in memory decompressed as a whole.
 * Records point into the answer (or into the decompressed batch). A batch gives what Kafka's Java client makes of it;
 * one that this client cannot read, or would leave something out of, becomes one record with a `fault`, and its other
 * offsets a gap: docs/decisions/kafka-fetch-and-decode.md.
 * @throws DaybookError DAYBOOK_KAFKA_BATCH_CORRUPT, after the slices before it, for a batch of which cannot be said
 *   where it ends. What is inside a batch is never a reason.
 */
export function* slices(options: SliceOptions): Generator<DecodedSlice, void, undefined> {
  const { recordBatches: buffer, maxSliceBytes } = options
  const aborted = new AbortedTracker(options.aborted)
  let slice = new Slice(options.from)
  let extent = extentAt(buffer, 0)
  while (extent !== null) {
    const following = 'fault' in extent ? null : extentAt(buffer, extent.end)
    const fault = 'fault' in extent ? extent.fault : addBatch(slice, extent, following, aborted, options)
    if (fault !== null) {
      if (!slice.isEmpty()) yield slice.close()
      throw corrupt(options, slice.next, fault)
    }
    extent = following
    if (slice.bytes < maxSliceBytes && slice.rows < MAX_SLICE_RECORDS && slice.gaps < MAX_SLICE_GAPS) continue
    if (!slice.isEmpty()) yield slice.close()
    slice = new Slice(slice.next)
  }
  if (!slice.isEmpty()) yield slice.close()
}

/**
 * A record takes some hundred bytes of memory and microseconds however small it is, and a batch is taken apart in one
 * go. The ids of so many events alone, which are random, take a megabyte packed, so no batch of events comes near; one
 * that claims more records is set aside like one that unpacks to too much.
 */
const MAX_BATCH_RECORDS = 100_000
const MAX_SLICE_RECORDS = 50_000
/** A gap takes as much memory, and many are made of few bytes: an aborted transaction of one record leaves two. */
const MAX_SLICE_GAPS = 10_000

/** A batch of format version 2, whose header has been read. */
interface Batch {
  readonly first: bigint
  readonly last: bigint
  readonly bytes: Buffer
  /** The checksum does not match: nothing in the header is certain. */
  readonly isDamaged: boolean
  readonly attributes: number
  readonly producerId: bigint
  readonly count: number
}

/** Returns what is wrong with the batch's extent, null for nothing. */
function addBatch(
  slice: Slice,
  extent: BatchExtent,
  following: NextExtent,
  aborted: AbortedTracker,
  options: SliceOptions,
): string | null {
  const bytes = options.recordBatches.subarray(extent.at, extent.end)
  slice.bytes += bytes.length
  if (extent.magic < 2) return addLegacy(slice, extent, bytes)
  const isDamaged = options.damagedAt === undefined ? !isIntact(bytes) : options.damagedAt.has(extent.at)
  const last = lastOf(extent, following, isDamaged, options.highWatermark)
  if (last === null) return `offsets ${extent.first} to ${extent.last} do not fit between its neighbours`
  const batch: Batch = {
    first: extent.first,
    last,
    bytes,
    isDamaged,
    attributes: bytes.readInt16BE(BATCH_FIELD.attributes),
    producerId: bytes.readBigInt64BE(BATCH_FIELD.producerId),
    count: bytes.readInt32BE(BATCH_FIELD.count),
  }
  slice.holeThrough(batch.first - 1n)
  aborted.reach(last)
  if (isDamaged) setAside(slice, batch, 'CORRUPT_BATCH', 'do not match their checksum')
  else if ((batch.attributes & BATCH_ATTRIBUTE.control) !== 0) addControl(slice, batch, aborted, options)
  else if ((batch.attributes & BATCH_ATTRIBUTE.transactional) !== 0 && aborted.has(batch.producerId)) {
    slice.gapThrough(last, 'aborted')
  } else if (last >= slice.next) {
    addRecords(slice, batch, options)
  }
  return null
}

/**
 * The last offset, null where it cannot be told. The header of a batch that does not match its checksum may be wrong
 * about it: then the batch ends where the next one begins.
 */
function lastOf(
  extent: BatchExtent,
  following: NextExtent,
  isDamaged: boolean,
  highWatermark: bigint | undefined,
): bigint | null {
  if (following === null || 'fault' in following) {
    return isDamaged && highWatermark !== undefined && extent.last >= highWatermark ? null : extent.last
  }
  if (extent.last < following.first) return extent.last
  return isDamaged && extent.first < following.first ? following.first - 1n : null
}

/** Brokers since Kafka 3.0 write no such format; what an older one has left is kept as it is. */
function addLegacy(slice: Slice, { last }: BatchExtent, bytes: Buffer): null {
  const attributes = bytes.readInt8(LEGACY_ATTRIBUTES)
  const isCompressed = (attributes & BATCH_ATTRIBUTE.codec) !== 0
  if (!isCompressed) slice.holeThrough(last - 1n)
  const first = isCompressed && slice.next <= last ? slice.next : last
  const magic = bytes.readInt8(BATCH_FIELD.magic)
  const appendTime = magic === 0 ? -1 : toTime(bytes.readBigInt64BE(LEGACY_ATTRIBUTES + 1))
  const reason = `offsets ${first} to ${last} are of record format ${magic}, which is not read`
  const hasProducerTime = (attributes & BATCH_ATTRIBUTE.appendTime) === 0
  slice.setAside({ first, last, appendTime, bytes }, { code: 'CORRUPT_BATCH', reason }, hasProducerTime)
  return null
}

type Body = { readonly bytes: Buffer; readonly start: number } | RecordFault

function unpack({ attributes, bytes, count }: Batch, maxBatchBytes: number): Body {
  const codec = attributes & BATCH_ATTRIBUTE.codec
  if (count < 0) return { code: 'CORRUPT_BATCH', reason: `are a batch of ${count} records` }
  if (count > MAX_BATCH_RECORDS) return { code: 'OVERSIZED', reason: `are a batch of ${count} records` }
  if (codec === 0) return { bytes, start: BATCH_HEADER_BYTES }
  const unpacked = decompress(codec, bytes.subarray(BATCH_HEADER_BYTES), maxBatchBytes, count === 0)
  switch (unpacked.kind) {
    case 'bytes':
      return { bytes: unpacked.bytes, start: 0 }
    case 'too-large':
      return { code: 'OVERSIZED', reason: `are a compressed batch of more than ${maxBatchBytes} bytes` }
    case 'malformed':
      return { code: 'CORRUPT_BATCH', reason: `are ${unpacked.reason}` }
  }
}

function addRecords(slice: Slice, batch: Batch, options: SliceOptions): void {
  const body = unpack(batch, options.maxBatchBytes)
  if ('code' in body) {
    // As much may have been unpacked before that showed: a slice must not become the work of seconds.
    if ((batch.attributes & BATCH_ATTRIBUTE.codec) !== 0) slice.bytes += options.maxBatchBytes
    setAside(slice, batch, body.code, body.reason)
    return
  }
  if (body.start === 0) slice.bytes += body.bytes.length
  const mark = slice.mark()
  const facts = factsOf(batch, options.withHeaders === true)
  const fault = readRecords(slice, body.bytes, body.start, body.bytes.length, facts)
  if (fault !== null) {
    slice.resetTo(mark)
    setAside(slice, batch, 'CORRUPT_BATCH', `are a batch in which ${fault}`)
    return
  }
  if (!facts.withHeaders) slice.dropUnused(mark, body.bytes.length - body.start)
  slice.endBatch(mark, batch, facts.isAppendTime ? toTime(facts.time) : null)
  slice.holeThrough(batch.last)
}

function factsOf(batch: Batch, withHeaders: boolean): BatchFacts {
  const { first, last, bytes, attributes, count } = batch
  const isAppendTime = (attributes & BATCH_ATTRIBUTE.appendTime) !== 0
  const time = bytes.readBigInt64BE(isAppendTime ? BATCH_FIELD.maxTimestamp : BATCH_FIELD.firstTimestamp)
  return { base: first, lastDelta: Number(last - first), count, time, isAppendTime, withHeaders }
}

/** Checks what the Java client checks. A marker that cannot be read ends what it could only have been there to end. */
function addControl(slice: Slice, batch: Batch, aborted: AbortedTracker, options: SliceOptions): void {
  const body = unpack(batch, options.maxBatchBytes)
  const marker = 'code' in body ? { fault: body.reason } : readMarker(batch, body.bytes, body.start)
  if ('fault' in marker) {
    aborted.end(batch.producerId)
    setAside(slice, batch, 'CORRUPT_BATCH', `are a transaction marker: ${marker.fault}`)
    return
  }
  if (marker.isAbort) aborted.end(batch.producerId)
  slice.gapThrough(batch.last, 'control')
}

function readMarker(batch: Batch, body: Buffer, start: number): ControlMarker {
  const fault = readRecords(NOBODY, body, start, body.length, factsOf(batch, false))
  if (fault !== null) return { fault }
  return batch.count === 0 || batch.producerId < 0n ? { isAbort: false } : controlMarker(body, start)
}

/** Wants no record. */
const NOBODY: RecordTarget = { next: 2n ** 64n, add: () => undefined }

/**
 * A batch that cannot be taken apart: its bytes as they are, so that nothing is lost and nobody waits. The time of a
 * batch that does not match its checksum is not to be trusted.
 */
function setAside(slice: Slice, batch: Batch, code: RecordFault['code'], what: string): void {
  const { first, last, bytes, attributes, isDamaged } = batch
  const appendTime = toTime(bytes.readBigInt64BE(BATCH_FIELD.maxTimestamp))
  const reason = `offsets ${first} to ${last} ${what}`
  const hasProducerTime = isDamaged || (attributes & BATCH_ATTRIBUTE.appendTime) === 0
  slice.setAside({ first, last, appendTime, bytes }, { code, reason }, hasProducerTime)
}

function corrupt(options: SliceOptions, offset: bigint, reason: string): DaybookError {
  const { topic, partition } = options
  return new DaybookError(
    'DAYBOOK_KAFKA_BATCH_CORRUPT',
    `${topic}/${partition} near offset ${offset}: ${reason}; check the broker's log with kafka-dump-log`,
    { details: { topic, partition, offset } },
  )
}
