import type { PartitionRef } from '../../engine/contracts.ts'
import { clientError } from '../client/broker-errors.ts'
import { createKafkaClient, type KafkaConnection } from '../client/kafka-client.ts'
import { openCluster } from '../client/open-cluster.ts'
import { requireTopic } from '../client/topic-metadata.ts'

export interface TopicsDescription {
  /** The cluster's own id, which is part of every log id. */
  readonly clusterId: string
  /** Every partition of the topics, in their order. */
  readonly partitions: readonly PartitionRef[]
}

/** @throws DaybookError DAYBOOK_KAFKA_TOPIC_MISSING, or retryable when no broker answers */
export async function describeTopics(
  connection: KafkaConnection,
  topics: readonly string[],
): Promise<TopicsDescription> {
  const { view, close } = await openCluster(createKafkaClient(connection))
  try {
    const metadata = await view.metadata(topics)
    const partitions = topics.flatMap((topic) => {
      const { topicId, partitions } = requireTopic(metadata, topic)
      return partitions
        .map(({ partition }) => ({ topic, topicId, partition }))
        .sort((a, b) => a.partition - b.partition)
    })
    return { clusterId: metadata.clusterId ?? '', partitions }
  } finally {
    await close()
  }
}

/**
 * The cluster's own id. Asks for no topic: one that is missing must not stop the others. `short` is for callers that
 * ask again themselves.
 * @throws DaybookError as `clientError`
 */
export async function readClusterId(
  connection: KafkaConnection,
  patience: 'long' | 'short' = 'long',
): Promise<string> {
  const { view, close } = await openCluster(createKafkaClient(connection, undefined, patience))
  try {
    return (await view.metadata([])).clusterId ?? ''
  } catch (error) {
    throw clientError(error, 'id of the cluster')
  } finally {
    await close()
  }
}
