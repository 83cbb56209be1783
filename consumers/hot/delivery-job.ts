import type { Delivery, Range, RangeOutcome } from '../engine/contracts.ts'
import type { EventRow, EventRows } from './insert/event-rows.ts'
import { type HotGap, joinGaps } from './insert/gap-rows.ts'
import type { Queue } from './insert/insert-planner.ts'
import { hasReceiptTime } from './insert/receipt-time.ts'
import { HotClaim } from './ownership/claim.ts'

export interface JobTools {
  readonly eventRows: EventRows
  readonly now: number
  /** Events received before this time would be dropped by the table: they become gaps. */
  readonly oldestKept: number
}

/** One delivery's range: what is to be done of it, how far that is, and what became of it. */
export class DeliveryJob implements Queue {
  readonly claim: HotClaim
  readonly range: Range
  readonly rows: readonly EventRow[]
  /** Events that are too old for the table. */
  readonly expired: readonly HotGap[]
  #done = 0
  #failure: { readonly error: unknown } | null = null

  /** @throws where a record cannot become a row */
  constructor({ claim, range }: Delivery, tools: JobTools) {
    if (!(claim instanceof HotClaim)) throw new TypeError('the claim is not of the hot sink')
    this.claim = claim
    this.range = range
    const { rows, expired } = rowsAndExpired(range, tools)
    this.rows = rows
    this.expired = expired
  }

  get isOpen(): boolean {
    return this.#failure === null && !this.claim.isLost
  }

  get done(): number {
    return this.#done
  }

  /** Rows that are not dealt with yet. */
  get remaining(): readonly EventRow[] {
    return this.#done === 0 ? this.rows : this.rows.slice(this.#done)
  }

  /** So many further rows are in the table, or in quarantine. */
  advance(rows: number): void {
    this.#done += rows
  }

  /** The store holds every offset up to this one. */
  advanceThrough(offset: bigint): void {
    let done = this.#done
    for (let row = this.rows[done]; row !== undefined && row.record.offset <= offset; row = this.rows[done])
      done++
    this.#done = done
  }

  fail(error: unknown): void {
    this.#failure ??= { error }
  }

  get outcome(): RangeOutcome {
    if (this.claim.isLost) return 'fenced'
    return this.#failure === null ? 'delivered' : { kind: 'failed', error: this.#failure.error }
  }
}

function rowsAndExpired(range: Range, { eventRows, now, oldestKept }: JobTools) {
  const rows: EventRow[] = []
  const expired: HotGap[] = []
  for (const checked of range.records) {
    const { record, verdict } = checked
    const isTimed = hasReceiptTime(record, now)
    if (isTimed && record.appendTime < oldestKept && verdict.kind === 'event') {
      expired.push({ first: record.offset, last: record.offset, reason: 'expired', note: '' })
      continue
    }
    const row = eventRows.row(checked, range.partition, isTimed ? null : now)
    if (row !== null) rows.push(row)
  }
  return { rows, expired: joinGaps(expired) }
}
