import type { PartitionRef } from '../engine/contracts.ts'
import type { HotStore } from './store.ts'

/**
 * Records that an operator accepts the loss of all offsets up to `through` that Kafka does not hold any more. The
 * worker then starts behind them, and its first delivery lists them in `gaps` as `lost_accepted`.
 */
export async function acceptLoss(
  store: HotStore,
  o: {
    readonly partition: PartitionRef
    readonly through: bigint
    readonly by: string
    readonly reason: string
    /** Milliseconds since the Unix epoch. */
    readonly at: number
  },
): Promise<void> {
  const { topicId, topic, partition } = o.partition
  const row = {
    topic_id: topicId,
    topic,
    partition,
    through: String(o.through),
    by: o.by,
    reason: o.reason,
    at: o.at,
  }
  await store.append('accepted_losses', [row])
}
