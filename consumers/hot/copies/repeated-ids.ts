import type { Range } from '../../engine/contracts.ts'
import type { EventRow, EventRows } from '../insert/event-rows.ts'
import { EventIds } from './event-ids.ts'

/** Ranges with fewer records cost little, whatever is in them. */
const MANY_RECORDS = 256
/** At most; some fifty microseconds. Of two hundred ids that stand in a range again and again, nearly all show. */
const SAMPLE = 512
const REPEATED_FROM = 16

/** Whether a range holds the same ids again and again, by a sample: to list copies takes longer than to insert events. */
export function repeatsIds({ records, partition }: Range, eventRows: EventRows): boolean {
  if (records.length < MANY_RECORDS) return false
  const sample = Math.min(SAMPLE, records.length)
  const rows: EventRow[] = []
  for (let at = 0; at < sample; at++) {
    const checked = records[Math.floor((at * records.length) / sample)]
    const row = checked === undefined ? null : eventRows.row(checked, partition)
    if (row !== null) rows.push(row)
  }
  return new EventIds(rows).repeated.length >= REPEATED_FROM
}
