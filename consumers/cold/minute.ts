import { minuteOf } from '../../schemas/archive/key.ts'
import type { TreeState } from './tree-state.ts'

/** What a record says of its time. */
export interface TimedRecord {
  /** Milliseconds since the Unix epoch. */
  readonly appendTime: number
  /** The time is what the producer claims: it may be any 64-bit number, and decides nothing in the archive. */
  readonly hasProducerTime?: boolean
}

export function hasProducerTime(record: TimedRecord): boolean {
  return record.hasProducerTime === true
}

/**
 * The minute in the key of a range that begins with `first`, never before that of the object before it. Every worker
 * finds the same one, so that two that write the same range meet at the same key.
 */
export function minuteOfRange(first: TimedRecord, before: TreeState): number {
  if (hasProducerTime(first)) return before.quietMinute
  return Math.max(minuteOf(first.appendTime), before.minute)
}

/** Whether `next` was appended in a later minute than a range that begins with `first`, as far as brokers say. */
export function isLaterMinute(first: TimedRecord, next: TimedRecord): boolean {
  if (hasProducerTime(first) || hasProducerTime(next)) return false
  return minuteOf(next.appendTime) > minuteOf(first.appendTime)
}
