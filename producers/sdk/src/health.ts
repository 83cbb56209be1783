import type { AuditLogStatus } from './audit-log.ts'

const STALLED_MS = 60_000
const NEARLY_FULL = 0.9

/** Why this log is not healthy, each reason with what to look at; empty when it is healthy. */
export function unhealthyReasons(
  status: Pick<AuditLogStatus, 'spool' | 'stalledMs' | 'lastError' | 'counts'>,
  o: { refusedLately: boolean; closed: boolean },
): string[] {
  const { spool } = status
  const reasons: string[] = []
  if (o.closed) reasons.push('the log is closed')
  if (o.refusedLately) reasons.push('events were refused in the last minute')
  if (!spool.writable) reasons.push('the spool cannot be written; events are kept in memory only')
  if (spool.bytes > spool.capBytes * NEARLY_FULL) reasons.push('the spool is nearly full')
  if (status.stalledMs > STALLED_MS) {
    const why = status.lastError === null ? '' : ` (${status.lastError.code})`
    reasons.push(`nothing was acknowledged for ${Math.round(status.stalledMs / 1000)} s${why}`)
  }
  return reasons
}
