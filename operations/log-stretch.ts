import { type PartitionRef, partitionKey } from '../consumers/engine/contracts.ts'
import { higher } from '../consumers/engine/range.ts'
import type { ClusterView } from '../consumers/kafka/client/cluster-view.ts'
import { leaderOf } from '../consumers/kafka/client/topic-metadata.ts'
import { notReadableYet, readSlices } from '../consumers/kafka/fetch/topic-reader.ts'
import type { DecodedSlice } from '../consumers/kafka/protocol/slice.ts'

/** Offsets `first`..`last`, both included. */
export interface Offsets {
  readonly first: bigint
  readonly last: bigint
}

/** The offsets reach beyond the log, whose next record gets the offset `logEnd`. */
export interface NotWritten {
  readonly kind: 'not-written'
  readonly logEnd: bigint
}

export type LogStretch =
  | NotWritten
  | {
      readonly kind: 'written'
      /**
       * What the log has of them, in offset order; the last one may reach beyond them. Nothing below the log's start.
       * @throws DaybookError DAYBOOK_KAFKA_BROKER (retryable) where an open transaction hides some of the offsets
       */
      readonly slices: AsyncGenerator<DecodedSlice, void, undefined>
    }

/** The log at some offsets. It is read as the slices are asked for. */
export async function logStretch(
  view: ClusterView,
  ref: PartitionRef,
  offsets: Offsets,
): Promise<LogStretch> {
  const bounds = (await view.bounds([ref])).get(partitionKey(ref))
  if (bounds === undefined || offsets.last >= bounds.logEnd)
    return { kind: 'not-written', logEnd: bounds?.logEnd ?? 0n }
  const from = higher(offsets.first, bounds.logStart)
  return { kind: 'written', slices: slicesOf(view, ref, { first: from, last: offsets.last }) }
}

async function* slicesOf(
  view: ClusterView,
  ref: PartitionRef,
  { first, last }: Offsets,
): AsyncGenerator<DecodedSlice, void, undefined> {
  if (first > last) return
  const leader = leaderOf(await view.metadata([ref.topic]), ref)
  const readTo = yield* readSlices(view, ref, { leader, from: first, end: last + 1n })
  if (readTo <= last) throw notReadableYet(ref.topic, `${ref.topic}/${ref.partition} from offset ${readTo}`)
}
