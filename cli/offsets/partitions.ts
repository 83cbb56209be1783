import type { PartitionRef } from '../../consumers/engine/contracts.ts'
import type { OpenCluster } from '../../consumers/kafka/client/open-cluster.ts'
import { requireTopic } from '../../consumers/kafka/client/topic-metadata.ts'
import { usageError } from '../usage.ts'

/** The partitions of topics, in their order. @throws DaybookError DAYBOOK_KAFKA_TOPIC_MISSING */
export async function partitionsOf(
  { view }: OpenCluster,
  topics: readonly string[],
): Promise<readonly PartitionRef[]> {
  const metadata = await view.metadata(topics)
  return topics.flatMap((topic) => {
    const { topicId, partitions } = requireTopic(metadata, topic)
    return partitions
      .map(({ partition }) => ({ topic, topicId, partition }))
      .sort((a, b) => a.partition - b.partition)
  })
}

/** One of them, as an option names it. */
export function onePartition(refs: readonly PartitionRef[], partition: number): PartitionRef {
  const found = refs.find((ref) => ref.partition === partition)
  if (found !== undefined) return found
  throw usageError(`--partition ${partition}`, `is not among the ${refs.length} partitions of the topic`)
}
