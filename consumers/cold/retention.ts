import { minuteOf } from '../../schemas/archive/key.ts'
import { DaybookError } from '../../schemas/errors.ts'
import type { Range } from '../engine/contracts.ts'

/** How far a broker's clock may be ahead of ours before a lock would outlast its class. */
const CLOCK_TOLERANCE_MS = 5 * 60_000

/**
 * Until when the object of `range` is locked: its minute plus the class's retention. Where the minute is only that of
 * the object before it, which may be long ago, the class counts from now.
 * @throws DaybookError DAYBOOK_COLD_RETENTION_PAST, DAYBOOK_COLD_RETENTION_BEYOND_CLASS
 */
export function retainUntil(o: {
  readonly range: Range
  readonly minute: number
  /** No broker gave the range its time. */
  readonly isQuiet: boolean
  readonly retentionMs: number
  readonly now: number
}): Date {
  const { minute, retentionMs, now } = o
  const { topic, topicId, partition } = o.range.partition
  const from = o.isQuiet ? Math.max(minute, minuteOf(now)) : minute
  const until = from + retentionMs
  const where = `${topic}, partition ${partition}, from offset ${o.range.first} on`
  const details = { topic, topicId, partition, first: o.range.first, minute, retentionMs }
  if (until <= now) {
    throw new DaybookError(
      'DAYBOOK_COLD_RETENTION_PAST',
      `Records of ${where}, are older than the retention of their class, so no lock can be set. Lengthen the class in DAYBOOK_RETENTION until they are archived, or remove them from the topic (kafka-delete-records) and accept that loss with \`daybook offsets accept-gap\`.`,
      { details },
    )
  }
  if (until > now + retentionMs + CLOCK_TOLERANCE_MS) {
    throw new DaybookError(
      'DAYBOOK_COLD_RETENTION_BEYOND_CLASS',
      `Append times of ${where}, lie in the future, so their lock would outlast its class. Check the clocks of the brokers and of this machine.`,
      { details },
    )
  }
  return new Date(until)
}
