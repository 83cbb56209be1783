import { type PartitionRef, partitionKey } from '../consumers/engine/contracts.ts'
import type { ClusterView } from '../consumers/kafka/client/cluster-view.ts'
import { leaderOf } from '../consumers/kafka/client/topic-metadata.ts'
import { notReadableYet, readSlices } from '../consumers/kafka/fetch/topic-reader.ts'
import type { DecodedSlice } from '../consumers/kafka/protocol/slice.ts'

/** Whether Kafka has, or may yet get, anything at some offsets. */
export type Held =
  | { readonly kind: 'nothing' }
  /** The first offset among them that a record or a batch that cannot be taken apart stands at. */
  | { readonly kind: 'record'; readonly offset: bigint }
  /** They reach beyond the log, whose next record gets the offset `logEnd`. */
  | { readonly kind: 'not-written'; readonly logEnd: bigint }

/**
 * What Kafka holds at offsets `first`..`last`, both included. Below the log's start it holds nothing; behind that the
 * log is read up to its first record, since what a log has lost in its midst shows in no other way. Transaction
 * markers and aborted records are no records.
 * @throws DaybookError DAYBOOK_KAFKA_BROKER (retryable) where an open transaction hides some of the offsets
 */
export async function heldWithin(
  view: ClusterView,
  ref: PartitionRef,
  { first, last }: { readonly first: bigint; readonly last: bigint },
): Promise<Held> {
  const bounds = (await view.bounds([ref])).get(partitionKey(ref))
  if (bounds === undefined || last >= bounds.logEnd)
    return { kind: 'not-written', logEnd: bounds?.logEnd ?? 0n }
  const from = first > bounds.logStart ? first : bounds.logStart
  if (from > last) return { kind: 'nothing' }
  const leader = leaderOf(await view.metadata([ref.topic]), ref)
  const read = readSlices(view, ref, { leader, from, end: last + 1n })
  for (;;) {
    const { done, value } = await read.next()
    if (done === true) {
      if (value <= last) throw notReadableYet(ref.topic, `${ref.topic}/${ref.partition} from offset ${value}`)
      return { kind: 'nothing' }
    }
    const offset = firstTaken(value)
    if (offset !== null && offset <= last) return { kind: 'record', offset }
    if (offset !== null) return { kind: 'nothing' }
  }
}

/** Of one batch. One that cannot be taken apart and begins before the offsets that were asked for is a gap only. */
function firstTaken({ records, gaps }: DecodedSlice): bigint | null {
  return records[0]?.offset ?? gaps.find(({ reason }) => reason === 'quarantined')?.first ?? null
}
