import type { PartitionRef } from '../consumers/engine/contracts.ts'
import type { HotStore } from '../consumers/hot/clickhouse/store.ts'

export interface AcceptedHotLoss {
  readonly partition: PartitionRef
  /** What Kafka no longer holds up to here, this offset included, the hot store never will. */
  readonly through: bigint
  /** Who accepted it, and why. */
  readonly by: string
  readonly reason: string
  /** Milliseconds since the Unix epoch. */
  readonly at: number
}

/**
 * Records for good that what is missing up to `through` is lost; durable when it returns. The deliveries behind it list
 * the gaps. A repeat adds a row that changes nothing.
 * @throws DaybookError DAYBOOK_HOT_…
 */
export async function acceptHotLoss(
  store: HotStore,
  loss: AcceptedHotLoss,
  signal?: AbortSignal,
): Promise<void> {
  const { topic, topicId, partition } = loss.partition
  const row = {
    ...{ topic, topic_id: topicId, partition, through: String(loss.through) },
    ...{ by: loss.by, reason: loss.reason, at: loss.at },
  }
  await store.append('accepted_losses', [row], signal)
}
