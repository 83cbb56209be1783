import { type PartitionRef, partitionKey } from '../consumers/engine/contracts.ts'
import type { ClusterView } from '../consumers/kafka/client/cluster-view.ts'
import { leaderOf } from '../consumers/kafka/client/topic-metadata.ts'
import { fetchOne } from '../consumers/kafka/fetch/topic-reader.ts'
import { DEFAULT_TUNING } from '../consumers/kafka/fetch/tuning.ts'
import { slices } from '../consumers/kafka/protocol/record-batch.ts'

/**
 * Whether the log has lost what stood at `offset`: retention took it, or it is gone from the midst of the log. A record,
 * a transaction marker, an aborted record and an offset that was not written yet are not lost.
 */
export async function isLostOffset(view: ClusterView, ref: PartitionRef, offset: bigint): Promise<boolean> {
  const bounds = (await view.bounds([ref])).get(partitionKey(ref))
  if (bounds === undefined || offset >= bounds.logEnd) return false
  if (offset < bounds.logStart) return true
  const leader = leaderOf(await view.metadata([ref.topic]), ref)
  const fetched = await fetchOne(view, leader, ref, offset)
  const { maxBatchBytes } = DEFAULT_TUNING
  const place = { topic: ref.topic, partition: ref.partition, from: offset }
  const [slice] = slices({ ...place, ...fetched, maxSliceBytes: 1, maxBatchBytes })
  if (slice === undefined) return false
  return slice.records[0]?.offset !== offset && slice.gaps[0]?.first !== offset
}
