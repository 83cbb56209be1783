import { MAX_INSERT_BYTES, MAX_INSERT_ROWS } from '../clickhouse/settings.ts'
import type { HotClaim } from '../ownership/claim.ts'
import type { ClaimedRows } from './event-insert.ts'
import type { EventRow } from './event-rows.ts'
import { bodyBytes } from './insert-body.ts'
import { MAX_INSERT_RANGES } from './insert-statement.ts'
import { receivedAt } from './receipt-time.ts'

const DAY_MS = 86_400_000

/** Rows of one delivery's range that are not inserted yet, in offset order. */
export interface Queue {
  readonly claim: HotClaim
  readonly rows: readonly EventRow[]
  /** How many of them are inserted. */
  done: number
}

/**
 * What the next insert takes: from each queue the rows at its head, all received on one day (UTC), hence in one
 * partition of the table, and within the limits of one block. Empty when all is done. Rows of one queue always go in
 * order, so that a crash between two inserts leaves no hole.
 */
export function planInsert(queues: readonly Queue[]): ClaimedRows[] {
  const parts: ClaimedRows[] = []
  let day: number | null = null
  let rowsLeft = MAX_INSERT_ROWS
  let bytesLeft = MAX_INSERT_BYTES
  for (const queue of queues) {
    const head = queue.rows[queue.done]
    if (head === undefined) continue
    day ??= dayOf(head)
    let end = queue.done
    for (; end < queue.rows.length; end++) {
      const row = queue.rows[end]
      if (row === undefined || rowsLeft === 0 || dayOf(row) !== day) break
      const bytes = bodyBytes(row)
      // A row alone is taken whatever its size: the statement's block limits are far above this one.
      if (bytes > bytesLeft && (parts.length > 0 || end > queue.done)) break
      rowsLeft--
      bytesLeft -= bytes
    }
    if (end > queue.done) parts.push({ claim: queue.claim, rows: queue.rows.slice(queue.done, end) })
    if (parts.length === MAX_INSERT_RANGES) break
  }
  return parts
}

function dayOf(row: EventRow): number {
  return Math.floor(receivedAt(row) / DAY_MS)
}
