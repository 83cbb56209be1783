import type { CheckedRecord, Gap, GapReason, Range } from './contracts.ts'
import type { RangeAccount } from './observer.ts'

/** `Math.min` and `Math.max` know no bigint. */
export function lower(a: bigint, b: bigint): bigint {
  if (a < b) return a
  return b
}

export function higher(a: bigint, b: bigint): bigint {
  if (a > b) return a
  return b
}

/** What a record without bytes of its own holds all the same: objects for record, verdict and list entry. */
export const BARE_RECORD_BYTES = 1_024

/** As much an event holds at least, however few its bytes are: objects for record, verdict, list entry and row. */
export const LEAST_EVENT_BYTES = 384

/** A batch is held as a copy, and what it was copied from, and later the message made of it, stand beside it. */
export const BATCH_COPIES = 3

/**
 * What `checked` adds to a range whose last record with a batch is `lastBad`. A batch counts with its first bad
 * record; bad records and tombstones count even where they are empty, because a few bytes on the wire can be very many
 * of them.
 */
export function heldBytes(checked: CheckedRecord, lastBad: CheckedRecord | undefined): number {
  const { record, verdict, batch } = checked
  if (verdict.kind === 'event') return Math.max(record.size, LEAST_EVENT_BYTES)
  const batchBytes = batch === undefined || batch === lastBad?.batch ? 0 : BATCH_COPIES * batch.bytes.length
  return record.size + BARE_RECORD_BYTES + batchBytes
}

export function totalBytes(records: readonly CheckedRecord[]): number {
  let sum = 0
  let lastBad: CheckedRecord | undefined
  for (const checked of records) {
    sum += heldBytes(checked, lastBad)
    if (checked.batch !== undefined) lastBad = checked
  }
  return sum
}

/** The parts of `gaps` above `held`. */
export function gapsBeyond(gaps: readonly Gap[], held: bigint): Gap[] {
  return gaps
    .filter((gap) => gap.last > held)
    .map((gap) => (gap.first > held ? gap : { ...gap, first: held + 1n }))
}

/**
 * What of `range` lies beyond `held`, an offset inside it. Its last offset is always a record's, so the remainder
 * has one too.
 */
export function rangeBeyond(range: Range, held: bigint): Range {
  const records = range.records.filter((checked) => checked.record.offset > held)
  return {
    ...range,
    first: held + 1n,
    records,
    gaps: gapsBeyond(range.gaps, held),
    bytes: totalBytes(records),
  }
}

/** From here on markers are listed with the aborted records that they follow. */
const MAX_PLAIN_GAPS = 10_000

/**
 * Adds `gap` to the end of `gaps`, as one with the last where both have the same reason. A producer may abort
 * transactions without end: nothing is cut before there is a record, so what they leave must not grow with them.
 */
export function appendGap(gaps: Gap[], gap: Gap): void {
  const previous = gaps.at(-1)
  const reason = previous?.last === gap.first - 1n ? joinedReason(previous, gap, gaps.length) : null
  if (previous === undefined || reason === null) gaps.push(gap)
  else gaps[gaps.length - 1] = { ...previous, last: gap.last, reason }
}

/** Null where the two are listed apart. */
function joinedReason(previous: Gap, gap: Gap, count: number): GapReason | null {
  if (previous.reason === gap.reason) return gap.reason
  return count >= MAX_PLAIN_GAPS && isOfTransaction(previous) && isOfTransaction(gap) ? 'aborted' : null
}

function isOfTransaction({ reason }: Gap): boolean {
  return reason === 'control' || reason === 'aborted'
}

/** The account of the part of `range` up to `held`. */
export function accountThrough(range: Range, held: bigint): RangeAccount {
  const last = lower(range.last, held)
  let delivered = 0
  let quarantined = 0
  for (const { record, verdict } of range.records) {
    if (record.offset > last) break
    if (verdict.kind === 'bad') quarantined++
    else delivered++
  }
  let gaps = 0n
  const gapsByReason = new Map<GapReason, bigint>()
  for (const gap of range.gaps) {
    if (gap.first > last) break
    const offsets = lower(gap.last, last) - gap.first + 1n
    gaps += offsets
    gapsByReason.set(gap.reason, (gapsByReason.get(gap.reason) ?? 0n) + offsets)
  }
  return { offsets: last - range.first + 1n, delivered, quarantined, gaps, gapsByReason }
}
