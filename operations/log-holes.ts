import type { PartitionRef } from '../consumers/engine/contracts.ts'
import { higher, lower } from '../consumers/engine/range.ts'
import type { ClusterView } from '../consumers/kafka/client/cluster-view.ts'
import type { DecodedSlice } from '../consumers/kafka/protocol/slice.ts'
import { logStretch, type NotWritten, type Offsets } from './log-stretch.ts'

/** Which of some offsets Kafka has lost, in their order, neighbours as one. */
export type LogHoles = { readonly kind: 'read'; readonly holes: readonly Offsets[] } | NotWritten

/**
 * The offsets that a worker would stop before: those below the log's start, and in its midst those that no record, no
 * transaction marker and no aborted record explains. All of the log at these offsets is read.
 * @throws DaybookError DAYBOOK_KAFKA_BROKER (retryable) where an open transaction hides some of the offsets
 */
export async function holesWithin(view: ClusterView, ref: PartitionRef, offsets: Offsets): Promise<LogHoles> {
  const stretch = await logStretch(view, ref, offsets)
  if (stretch.kind === 'not-written') return stretch
  const end = offsets.last + 1n
  const holes: Offsets[] = []
  let next = offsets.first
  const explained = (first: bigint, last: bigint) => {
    const before = lower(first, end)
    if (before > next) holes.push({ first: next, last: before - 1n })
    next = higher(next, last + 1n)
  }
  for await (const slice of stretch.slices)
    for (const { first, last } of inOrder(slice)) explained(first, last)
  explained(end, end)
  return { kind: 'read', holes }
}

function inOrder({ records, gaps }: DecodedSlice): readonly Offsets[] {
  const alone = records.map(({ offset }): Offsets => ({ first: offset, last: offset }))
  return [...alone, ...gaps].sort((a, b) => (a.first < b.first ? -1 : 1))
}

/** How many offsets these are. */
export function countOffsets(all: readonly Offsets[]): bigint {
  return all.reduce((sum, { first, last }) => sum + (last - first + 1n), 0n)
}
