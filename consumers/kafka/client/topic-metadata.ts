import { DaybookError } from '../../../schemas/errors.ts'
import type { PartitionRef } from '../../engine/contracts.ts'
import type { ClusterMetadata, TopicMetadata } from '../protocol/metadata-request.ts'
import { BROKER_ERROR, brokerError } from './broker-errors.ts'

/** @throws DaybookError DAYBOOK_KAFKA_TOPIC_MISSING (retryable: metadata may still travel), or as `brokerError`. */
export function requireTopic(metadata: ClusterMetadata, topic: string): TopicMetadata {
  const found = metadata.topics.find((candidate) => candidate.topic === topic)
  if (found === undefined || found.errorCode === BROKER_ERROR.unknownTopicOrPartition) {
    throw topicMissing(topic, { retryable: true })
  }
  if (found.errorCode !== 0) throw brokerError(found.errorCode, `topic ${topic}`)
  return found
}

/** @throws DaybookError as `requireTopic`, or retryable where the partition has no leader just now */
export function leaderOf(metadata: ClusterMetadata, ref: PartitionRef): number {
  const { partitions } = requireTopic(metadata, ref.topic)
  const found = partitions.find(({ partition }) => partition === ref.partition)
  if (found !== undefined && found.leader >= 0) return found.leader
  throw new DaybookError('DAYBOOK_KAFKA_BROKER', `${ref.topic}/${ref.partition} has no leader`, {
    retryable: true,
    details: { topic: ref.topic, partition: ref.partition },
  })
}

export function topicMissing(topic: string, { retryable }: { readonly retryable: boolean }): DaybookError {
  return new DaybookError(
    'DAYBOOK_KAFKA_TOPIC_MISSING',
    `topic ${topic} does not exist: create it (see infra/kafka/topics.md), or correct DAYBOOK_TOPICS`,
    { retryable, details: { topic } },
  )
}

export function topicRecreated(topic: string, before: string, now: string): DaybookError {
  return new DaybookError(
    'DAYBOOK_KAFKA_TOPIC_RECREATED',
    `topic ${topic} was deleted and made again (topic id ${before} before, ${now} now): its offsets mean other ` +
      'records. Accept the new topic as docs/errors/DAYBOOK_KAFKA_TOPIC_RECREATED.md says',
    { details: { topic, before, now } },
  )
}
