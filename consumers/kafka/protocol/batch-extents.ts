import {
  BATCH_FIELD,
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
} from '../../../runtime/kafka-wire/batch-header.ts'

/** In the formats before version 2: attributes follow the magic byte; the shortest entry has this length field. */
export const LEGACY_ATTRIBUTES = BATCH_FIELD.magic + 1
const LEGACY_LEAST_LENGTH = 14

/** Where a record batch stands in a fetch answer, and in the log. */
export interface BatchExtent {
  readonly at: number
  readonly end: number
  readonly magic: number
  /** Of formats before version 2, which do not say where they begin: the last one. */
  readonly first: bigint
  readonly last: bigint
}

export type NextExtent =
  | BatchExtent
  /** No further batch is here whole. */
  | null
  /** Something is, but what its header says cannot be: where it ends, and what follows it, is not known. */
  | { readonly fault: string }

/** The batch that begins at `at`. */
export function extentAt(buffer: Buffer, at: number): NextExtent {
  if (at + BATCH_FIELD.crc > buffer.length) return null
  const length = buffer.readInt32BE(at + BATCH_FIELD.length)
  const magic = buffer.readInt8(at + BATCH_FIELD.magic)
  if (magic < 0 || magic > 2) return { fault: `record format ${magic} is not one that is known` }
  const least = magic === 2 ? BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES : LEGACY_LEAST_LENGTH
  if (length < least) return { fault: `a length of ${length} bytes is less than a header takes` }
  const end = at + BATCH_PREFIX_BYTES + length
  if (end > buffer.length) return null
  const first = buffer.readBigInt64BE(at)
  const delta = magic === 2 ? buffer.readInt32BE(at + BATCH_FIELD.lastOffsetDelta) : 0
  if (delta < 0) return { fault: `the last offset is ${-delta} before the first` }
  return { at, end, magic, first, last: first + BigInt(delta) }
}

/** How far the whole batches of an answer reach. */
export interface BatchesEnd {
  /** The offset after the last one; null where there is none. */
  readonly next: bigint | null
  /** Leader epoch of the last one; -1 where there is none, or it does not say. */
  readonly epoch: number
  /** How many records they have, as their headers say. */
  readonly records: number
  /** False where they are followed by something of which cannot be said where it ends. */
  readonly isSound: boolean
}

export function endOfBatches(recordBatches: Buffer): BatchesEnd {
  let next: bigint | null = null
  let epoch = -1
  let records = 0
  for (let at = 0; ; ) {
    const extent = extentAt(recordBatches, at)
    if (extent === null || 'fault' in extent) return { next, epoch, records, isSound: extent === null }
    next = extent.last + 1n
    const isCurrent = extent.magic === 2
    epoch = isCurrent ? recordBatches.readInt32BE(at + BATCH_FIELD.leaderEpoch) : -1
    records += isCurrent ? Math.max(0, recordBatches.readInt32BE(at + BATCH_FIELD.count)) : 0
    at = extent.end
  }
}

/** The first batch that ends at `offset` or behind it; null where there is none. */
export function batchAt(recordBatches: Buffer, offset: bigint): Buffer | null {
  for (let at = 0; ; ) {
    const extent = extentAt(recordBatches, at)
    if (extent === null || 'fault' in extent) return null
    if (extent.last >= offset) return recordBatches.subarray(extent.at, extent.end)
    at = extent.end
  }
}
