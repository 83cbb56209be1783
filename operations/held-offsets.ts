import type { PartitionRef } from '../consumers/engine/contracts.ts'
import type { ClusterView } from '../consumers/kafka/client/cluster-view.ts'
import type { DecodedSlice } from '../consumers/kafka/protocol/slice.ts'
import { logStretch, type NotWritten, type Offsets } from './log-stretch.ts'

/** Whether Kafka has, or may yet get, anything at some offsets. */
export type Held =
  | { readonly kind: 'nothing' }
  /** The first offset among them that a record or a batch that cannot be taken apart stands at. */
  | { readonly kind: 'record'; readonly offset: bigint }
  | NotWritten

/**
 * What Kafka holds at some offsets. Below the log's start it holds nothing; behind that the log is read up to its first
 * record, since what a log has lost in its midst shows in no other way. Transaction markers and aborted records are no
 * records.
 * @throws DaybookError DAYBOOK_KAFKA_BROKER (retryable) where an open transaction hides some of the offsets
 */
export async function heldWithin(view: ClusterView, ref: PartitionRef, offsets: Offsets): Promise<Held> {
  const stretch = await logStretch(view, ref, offsets)
  if (stretch.kind === 'not-written') return stretch
  for await (const slice of stretch.slices) {
    const offset = firstTaken(slice)
    if (offset !== null) return offset <= offsets.last ? { kind: 'record', offset } : { kind: 'nothing' }
  }
  return { kind: 'nothing' }
}

/** Of one batch. One that cannot be taken apart and begins before the offsets that were asked for is a gap only. */
function firstTaken({ records, gaps }: DecodedSlice): bigint | null {
  return records[0]?.offset ?? gaps.find(({ reason }) => reason === 'quarantined')?.first ?? null
}
