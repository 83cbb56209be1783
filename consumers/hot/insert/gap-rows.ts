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
  /** For quarantined records the code. */
  readonly note: string
}

/** The gaps of a range and its records that are no events, neighbours of one reason joined, in offset order. */
export function hotGaps(range: Delivery['range']): HotGap[] {
  const gaps: HotGap[] = [
    ...range.gaps.map((gap) => ({ ...gap, note: '' })),
    ...range.records.flatMap((checked) => recordGap(checked)),
  ]
  return joinGaps(gaps.sort((a, b) => (a.first < b.first ? -1 : 1)))
}

/** In offset order; neighbours of one reason become one. */
export function joinGaps(gaps: Iterable<HotGap>): HotGap[] {
  const joined: HotGap[] = []
  for (const gap of gaps) {
    const before = joined.at(-1)
    if (
      before !== undefined &&
      before.last + 1n === gap.first &&
      before.reason === gap.reason &&
      before.note === gap.note
    )
      before.last = gap.last
    else joined.push({ ...gap })
  }
  return joined
}

function recordGap({ record, verdict }: CheckedRecord): HotGap[] {
  const place = { first: record.offset, last: record.offset }
  if (verdict.kind === 'tombstone') return [{ ...place, reason: 'tombstone', note: '' }]
  if (verdict.kind === 'bad') return [{ ...place, reason: 'quarantined', note: verdict.code }]
  return []
}

export interface ClaimedGaps {
  readonly claim: HotClaim
  readonly gaps: readonly HotGap[]
}

/** The table `gaps`. Repeats are harmless: readers join what overlaps. */
export interface GapLedger {
  append(gaps: readonly ClaimedGaps[], signal: AbortSignal): Promise<void>
}

export function createGapLedger(o: { readonly store: HotStore; readonly now: () => number }): GapLedger {
  return {
    append: async (all, signal) => {
      const at = o.now()
      const rows = all.flatMap(({ claim: { partition, owner }, gaps }) =>
        gaps.map((gap) => ({
          topic_id: partition.topicId,
          topic: partition.topic,
          partition: partition.partition,
          first: String(gap.first),
          last: String(gap.last),
          reason: gap.reason,
          note: gap.note,
          by: owner,
          at,
        })),
      )
      if (rows.length > 0) await o.store.append('gaps', rows, signal)
    },
  }
}
