import type { CheckedRecord, Delivery, GapReason } from '../../engine/contracts.ts'
import type { HotStore } from '../clickhouse/store.ts'
import type { HotClaim } from '../ownership/claim.ts'

/** `expired`: an event that was so old when it arrived that the table would have dropped it. */
export type HotGapReason = GapReason | 'tombstone' | 'expired'

/** Offsets at which the table holds no event. */
export interface HotGap {
  first: bigint
  last: bigint
  readonly reason: HotGapReason
  /** For quarantined records the code, or the codes, separated by commas. */
  note: string
}

/**
 * The gaps of a range and its records that are no events, neighbours of one reason joined, in offset order. So there
 * is at most one more than events and tombstones in the range, however many records are bad and however they are.
 */
export function hotGaps(range: Delivery['range']): HotGap[] {
  const gaps: HotGap[] = [
    ...range.gaps.map((gap) => ({ ...gap, note: '' })),
    ...joinGaps(recordGaps(range.records)),
  ]
  return joinGaps(gaps.sort((a, b) => (a.first < b.first ? -1 : 1)))
}

/** In offset order; neighbours of one reason become one. */
export function joinGaps(gaps: Iterable<HotGap>): HotGap[] {
  const joined: HotGap[] = []
  for (const gap of gaps) {
    const before = joined.at(-1)
    if (before === undefined || before.last + 1n !== gap.first || before.reason !== gap.reason) {
      joined.push({ ...gap })
      continue
    }
    before.last = gap.last
    before.note = joinedNote(before.note, gap.note)
  }
  return joined
}

/** Codes are few. */
function joinedNote(before: string, note: string): string {
  if (before === note || before.split(',').includes(note)) return before
  return before === '' || note === '' ? `${before}${note}` : `${before},${note}`
}

/** One by one: a range may hold a hundred thousand bad records in a row, which are one gap. */
function* recordGaps(records: readonly CheckedRecord[]): Generator<HotGap> {
  for (const { record, verdict } of records) {
    const place = { first: record.offset, last: record.offset }
    if (verdict.kind === 'tombstone') yield { ...place, reason: 'tombstone', note: '' }
    else if (verdict.kind === 'bad') yield { ...place, reason: 'quarantined', note: verdict.code }
  }
}

export interface ClaimedGaps {
  readonly claim: HotClaim
  readonly gaps: readonly HotGap[]
}

/** Tombstones and bad records in turns give a row each: written in parts, they never stand in memory as JSON at once. */
const MAX_APPENDED_ROWS = 20_000

/** The table `gaps`. Repeats are harmless: readers join what overlaps. */
export interface GapLedger {
  append(gaps: readonly ClaimedGaps[], signal: AbortSignal): Promise<void>
}

export function createGapLedger(o: { readonly store: HotStore; readonly now: () => number }): GapLedger {
  return {
    append: async (all, signal) => {
      const at = o.now()
      const owned = all.flatMap(({ claim, gaps }) => gaps.map((gap) => ({ claim, gap })))
      for (let from = 0; from < owned.length; from += MAX_APPENDED_ROWS) {
        const rows = owned
          .slice(from, from + MAX_APPENDED_ROWS)
          .map(({ claim, gap }) => gapRow(claim, gap, at))
        await o.store.append('gaps', rows, signal)
      }
    },
  }
}

function gapRow({ partition, owner }: HotClaim, { first, last, reason, note }: HotGap, at: number) {
  return {
    topic_id: partition.topicId,
    topic: partition.topic,
    partition: partition.partition,
    first: String(first),
    last: String(last),
    reason,
    note,
    by: owner,
    at,
  }
}
