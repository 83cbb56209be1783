import type { SourceRecord } from '../../engine/contracts.ts'
import type { EventRow } from './event-rows.ts'

const DAY_MS = 86_400_000

/** `hasProducerTime`: the record's time was set by its producer, as in topics with `CreateTime`. */
type TimedRecord = SourceRecord & { readonly hasProducerTime?: boolean }

/**
 * Whether a record's time may stand in `_received_at`, by which rows expire and lie in partitions. A producer's clock
 * may say anything, so that rows would vanish at once or open a partition each; and no broker is a day ahead of `now`.
 */
export function hasReceiptTime(record: TimedRecord, now: number): boolean {
  const { appendTime } = record
  return record.hasProducerTime !== true && appendTime > 0 && appendTime <= now + DAY_MS
}

/** `_received_at`, milliseconds since the Unix epoch. */
export function receivedAt({ clockTime, record }: EventRow): number {
  return clockTime ?? record.appendTime
}
