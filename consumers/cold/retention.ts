import { DaybookError } from '../../schemas/errors.ts'

/** How far a broker's clock may be ahead of ours before a lock would outlast its class. */
const CLOCK_TOLERANCE_MS = 5 * 60_000

/**
 * Until when an object is locked: its minute plus the class's retention.
 * @throws DaybookError DAYBOOK_COLD_RETENTION_PAST, DAYBOOK_COLD_RETENTION_BEYOND_CLASS
 */
export function retainUntil(o: {
  readonly minute: number
  readonly retentionMs: number
  readonly now: number
  readonly key: string
}): Date {
  const until = o.minute + o.retentionMs
  const details = { key: o.key, minute: o.minute, retentionMs: o.retentionMs }
  if (until <= o.now) {
    throw new DaybookError(
      'DAYBOOK_COLD_RETENTION_PAST',
      `Records of ${o.key} are older than the retention of their class, so no lock can be set. Lengthen the class in DAYBOOK_RETENTION until they are archived, or remove them from the topic (kafka-delete-records) and accept that loss with \`daybook offsets accept-gap\`.`,
      { details },
    )
  }
  if (until > o.now + o.retentionMs + CLOCK_TOLERANCE_MS) {
    throw new DaybookError(
      'DAYBOOK_COLD_RETENTION_BEYOND_CLASS',
      `Append times of ${o.key} lie in the future, so its lock would outlast its class. Check the clocks of the brokers and of this machine.`,
      { details },
    )
  }
  return new Date(until)
}
