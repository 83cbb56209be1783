import { DaybookError } from '../../../schemas/errors.ts'
import type { Quarantine } from '../../engine/contracts.ts'
import type { HotClaim } from '../ownership/claim.ts'
import type { ClaimedRows, EventInsert } from './event-insert.ts'
import type { EventRow } from './event-rows.ts'
import type { GapLedger } from './gap-rows.ts'

/** So many in one insert are no stray records but a fault of ours: the partition stops before more are quarantined. */
const MAX_REJECTS = 100

export interface RejectingInsert {
  /**
   * Inserts all rows but those that the store cannot hold; these are in the quarantine and in `gaps`. An event goes
   * there only when it was rejected twice, alone in its insert, and the store cannot read it without the table
   * either, though it reads another event: then neither the table nor the store has changed.
   * @throws DaybookError DAYBOOK_HOT_REJECTED, DAYBOOK_HOT_REJECTS_TOO_MANY, or as `EventInsert.insert` does
   */
  insert(parts: readonly ClaimedRows[], o: RejectingInsertOptions): Promise<'inserted' | 'refused'>
}

export interface RejectingInsertOptions {
  readonly signal: AbortSignal
  /** So many further rows of this claim are dealt with; called also when the whole ends with `refused` or a throw. */
  readonly onDone: (claim: HotClaim, rows: number) => void
}

interface Run extends RejectingInsertOptions {
  rejectsLeft: number
}

/** Halves an insert that the store rejects until the bad record is alone. Rows of a partition go in order throughout. */
export function createRejectingInsert(o: {
  readonly inserts: EventInsert
  readonly quarantine: Quarantine
  readonly gaps: GapLedger
}): RejectingInsert {
  async function insert(parts: readonly ClaimedRows[], run: Run): Promise<'inserted' | 'refused'> {
    const outcome = await o.inserts.insert(parts, run.signal)
    if (outcome.kind === 'refused') return 'refused'
    if (outcome.kind === 'rejected') {
      const [first, second] = halves(parts)
      if (second.length > 0) {
        const done = await insert(first, run)
        return done === 'refused' ? done : insert(second, run)
      }
      const again = await o.inserts.insert(first, run.signal)
      if (again.kind === 'refused') return 'refused'
      if (again.kind === 'rejected') {
        await requireBadValue(first, [outcome.clickhouseCode, again.clickhouseCode], run)
        await reject(first, outcome.clickhouseCode, run)
      }
    }
    for (const { claim, rows } of parts) run.onDone(claim, rows.length)
    return 'inserted'
  }

  /** `codes`: with which the row was rejected by the table, alone both times. */
  async function requireBadValue(
    [part]: readonly ClaimedRows[],
    codes: readonly (number | null)[],
    run: Run,
  ): Promise<void> {
    const row = part?.rows[0]
    if (row === undefined) throw new TypeError('an insert without rows')
    const alone = await o.inserts.unreadable(row, run.signal)
    if (alone === null || codes.some((code) => code !== alone)) throw notItsValue(row, codes, alone)
  }

  async function reject(
    parts: readonly ClaimedRows[],
    clickhouseCode: number | null,
    run: Run,
  ): Promise<void> {
    if (run.rejectsLeft-- === 0) throw tooMany(clickhouseCode)
    for (const { claim, rows } of parts) {
      const reason = `ClickHouse cannot hold it (error ${clickhouseCode})`
      const bad = rows.map(({ record, schemaId }) => ({
        ...{ kind: 'record' as const, record },
        bad: { offset: record.offset, code: 'INVALID_FIELD' as const, reason, schemaId },
      }))
      await o.quarantine.put(claim.partition, bad)
      const note = `INVALID_FIELD ${clickhouseCode}`
      const gaps = rows.map(({ record: { offset } }) => ({
        ...{ first: offset, last: offset, note },
        reason: 'quarantined' as const,
      }))
      await o.gaps.append([{ claim, gaps }], run.signal)
    }
  }

  return { insert: (parts, options) => insert(parts, { ...options, rejectsLeft: MAX_REJECTS }) }
}

/** Each partition's rows are cut in order; the second half is empty when there is one row. */
function halves(parts: readonly ClaimedRows[]): [ClaimedRows[], ClaimedRows[]] {
  const total = parts.reduce((sum, { rows }) => sum + rows.length, 0)
  let left = Math.ceil(total / 2)
  const first: ClaimedRows[] = []
  const second: ClaimedRows[] = []
  for (const { claim, rows } of parts) {
    const cut = Math.min(left, rows.length)
    left -= cut
    add(first, claim, rows.slice(0, cut))
    add(second, claim, rows.slice(cut))
  }
  return [first, second]
}

function add(to: ClaimedRows[], claim: ClaimedRows['claim'], rows: readonly EventRow[]): void {
  if (rows.length > 0) to.push({ claim, rows })
}

function tooMany(clickhouseCode: number | null): DaybookError {
  return new DaybookError(
    'DAYBOOK_HOT_REJECTS_TOO_MANY',
    `ClickHouse rejected more than ${MAX_REJECTS} records of one insert that the checker had accepted (last error ${clickhouseCode}). Report it with the versions of both.`,
    { details: { clickhouseCode } },
  )
}

function notItsValue(
  { partition: { topic, partition }, record: { offset } }: EventRow,
  codes: readonly (number | null)[],
  alone: number | null,
): DaybookError {
  const here = `Offset ${offset} of ${topic}/${partition}`
  return new DaybookError(
    'DAYBOOK_HOT_REJECTED',
    `${here} was rejected by the table (errors ${codes.join(', ')}), but ClickHouse can read it (${alone ?? 'no error'}). See what was changed at the table.`,
    { details: { topic, partition, offset, clickhouseCode: codes[0] ?? null, aloneCode: alone } },
  )
}
