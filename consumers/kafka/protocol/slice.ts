import type { Gap, GapReason, RecordBatchBytes } from '../../engine/contracts.ts'
import { type RecordFault, SourceRecord } from '../../engine/source-record.ts'
import type { FetchedRecord, RecordTarget } from './record-reader.ts'

/**
 * What one stretch of a fetch holds: records and gaps together cover `first`..`last` exactly, but for holes where the
 * log has lost records.
 */
export interface DecodedSlice {
  readonly first: bigint
  readonly last: bigint
  readonly records: readonly FetchedRecord[]
  readonly gaps: readonly Gap[]
  /** The batches that the records came in. */
  readonly batches: readonly RecordBatchBytes[]
}

interface SliceMark {
  readonly next: bigint
  readonly records: number
}

/** What a record without headers has around key and value, or less. */
const FRAMING_BYTES = 32
const MIN_UNUSED_BYTES = 64 * 1024

/** A slice that is being put together, in offset order. */
export class Slice implements RecordTarget {
  readonly first: bigint
  next: bigint
  /** Of the batches, as they came and unpacked. */
  bytes = 0
  readonly #records: FetchedRecord[] = []
  readonly #gaps: { first: bigint; last: bigint; reason: GapReason; brokerTime?: number | null }[] = []
  readonly #batches: RecordBatchBytes[] = []

  constructor(first: bigint) {
    this.first = first
    this.next = first
  }

  get rows(): number {
    return this.#records.length
  }

  /** Gaps that follow each other for the same reason count as one. */
  get gaps(): number {
    return this.#gaps.length
  }

  isEmpty(): boolean {
    return this.next === this.first
  }

  /** `record` has an offset at or after `next`; what lies between is a hole. */
  add(record: FetchedRecord): void {
    this.#records.push(record)
    this.next = record.offset + 1n
  }

  /**
   * Nothing explains why the offsets from the next expected one up to `last` hold no record: the log has lost them
   * (compaction does that). They stand in no gap, so that whoever takes the slice finds the hole.
   */
  holeThrough(last: bigint): void {
    if (last >= this.next) this.next = last + 1n
  }

  /**
   * No record stands at the offsets from the next expected one up to `last`. `brokerTime`: see `Gap`; not given
   * where the gap does not begin in the midst of a batch.
   */
  gapThrough(last: bigint, reason: GapReason, brokerTime?: number | null): void {
    if (last < this.next) return
    const previous = this.#gaps.at(-1)
    if (previous?.reason === reason && previous.last === this.next - 1n) previous.last = last
    else
      this.#gaps.push({
        ...{ first: this.next, last, reason },
        ...(brokerTime === undefined ? {} : { brokerTime }),
      })
    this.next = last + 1n
  }

  /** The records since `mark` came in this batch. Without `appendTime` its time is that of the last of them. */
  endBatch(mark: SliceMark, batch: Omit<RecordBatchBytes, 'appendTime'>, appendTime: number | null): void {
    const newest = this.#records.at(-1)
    if (newest === undefined || this.#records.length === mark.records) return
    const { first, last, bytes } = batch
    this.#batches.push({ first, last, appendTime: appendTime ?? newest.appendTime, bytes })
  }

  /**
   * The records since `mark` came in so many bytes, which stay in memory as long as one of them does. Where most of
   * that is nothing that they count for (headers may be as large as a batch), they get memory of their own.
   */
  dropUnused(mark: SliceMark, bytes: number): void {
    if (bytes < MIN_UNUSED_BYTES) return
    const records = this.#records.slice(mark.records)
    const used = records.reduce((sum, { size }) => sum + size, 0)
    const unused = bytes - used - records.length * FRAMING_BYTES
    if (unused < MIN_UNUSED_BYTES || unused < used) return
    const own = Buffer.allocUnsafeSlow(used)
    let at = 0
    for (const [index, record] of records.entries()) {
      this.#records[mark.records + index] = SourceRecord.copiedTo(own, at, record)
      at += record.size
    }
  }

  /** Takes a batch as it is: one record at its first offset stands for all of it. */
  setAside(batch: RecordBatchBytes, fault: RecordFault, hasProducerTime: boolean): void {
    const { first, last, appendTime, bytes } = batch
    if (first >= this.next) {
      this.add(new SourceRecord(first, appendTime, bytes, -1, -1, 0, bytes.length, fault, hasProducerTime))
      this.#batches.push(batch)
    }
    this.gapThrough(last, 'quarantined', hasProducerTime ? null : appendTime)
  }

  mark(): SliceMark {
    return { next: this.next, records: this.#records.length }
  }

  /** Forgets the records that came after `mark`. */
  resetTo(mark: SliceMark): void {
    this.next = mark.next
    this.#records.length = mark.records
  }

  close(): DecodedSlice {
    return {
      first: this.first,
      last: this.next - 1n,
      records: this.#records,
      gaps: this.#gaps,
      batches: this.#batches,
    }
  }
}
