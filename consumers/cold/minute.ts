import { minuteOf } from '../../schemas/archive/key.ts'
import type { Range } from '../engine/contracts.ts'
import type { TreeState } from './tree-state.ts'

/** What a record says of its time. */
interface TimedRecord {
  /** Milliseconds since the Unix epoch. */
  readonly appendTime: number
  /** The time is what the producer claims: it may be any 64-bit number, and decides nothing in the archive. */
  readonly hasProducerTime?: boolean
}

/**
 * When the broker appended what `range` begins with, in milliseconds since the Unix epoch; null where only the
 * producer says when. A batch that this reader cannot take apart counts like one that it can: another reader version
 * sees records there, and has to find the same minute.
 */
export function brokerTimeOf(range: Range): number | null {
  const [first] = range.records
  if (first === undefined) throw new RangeError('a range has at least one record')
  const gap = range.gaps.find((one) => one.brokerTime !== undefined || one.first > first.record.offset)
  if (gap?.brokerTime !== undefined && gap.first < first.record.offset) return gap.brokerTime
  return hasProducerTime(first.record) ? null : first.record.appendTime
}

/**
 * The minute in the key of a range, never before that of the object before it. Every worker finds the same one, so
 * that two that write the same range meet at the same key.
 */
export function minuteOfRange(range: Range, before: TreeState): number {
  const time = brokerTimeOf(range)
  return time === null ? before.quietMinute : Math.max(minuteOf(time), before.minute)
}

/** Whether `next` was appended in a later minute than a range that begins with `first`, as far as brokers say. */
export function isLaterMinute(first: TimedRecord, next: TimedRecord): boolean {
  if (hasProducerTime(first) || hasProducerTime(next)) return false
  return minuteOf(next.appendTime) > minuteOf(first.appendTime)
}

function hasProducerTime(record: TimedRecord): boolean {
  return record.hasProducerTime === true
}
