import type { DaybookError } from '../../../schemas/errors.ts'
import { BROKER_ERROR, brokerError } from '../client/broker-errors.ts'
import type { ClusterView } from '../client/cluster-view.ts'
import { topicMissing } from '../client/topic-metadata.ts'
import type { DescribedConfig } from '../protocol/describe-configs-request.ts'
import type { ClusterMetadata } from '../protocol/metadata-request.ts'
import type { TopicSettings } from './topic-rules.ts'

export type TopicReading =
  | { readonly kind: 'settings'; readonly topicId: string; readonly settings: TopicSettings }
  /** It does not exist, or may not be asked. */
  | { readonly kind: 'error'; readonly error: DaybookError }
  /** The cluster cannot say just now: a leader moves, a broker starts. */
  | { readonly kind: 'unknown'; readonly error: DaybookError }

/**
 * Asks for all topics at once (two requests); an error of one is in its own entry.
 * @throws DaybookError when no broker answers
 */
export async function readSettings(
  view: Pick<ClusterView, 'metadata' | 'topicConfigs'>,
  topics: readonly string[],
): Promise<ReadonlyMap<string, TopicReading>> {
  const [metadata, configs] = await Promise.all([view.metadata(topics), view.topicConfigs(topics)])
  return new Map(topics.map((topic) => [topic, reading(topic, metadata, configs)]))
}

function reading(
  topic: string,
  metadata: ClusterMetadata,
  configs: readonly DescribedConfig[],
): TopicReading {
  const found = metadata.topics.find((each) => each.topic === topic)
  const config = configs.find(({ name }) => name === topic)
  for (const errorCode of [found?.errorCode, config?.errorCode]) {
    if (errorCode === 0) continue
    if (errorCode === undefined || errorCode === BROKER_ERROR.unknownTopicOrPartition) {
      return { kind: 'error', error: topicMissing(topic, { retryable: false }) }
    }
    const error = brokerError(errorCode, `settings of topic ${topic}`)
    return { kind: error.retryable ? 'unknown' : 'error', error }
  }
  const replicas = (found?.partitions ?? []).map((partition) => partition.replicas)
  const settings = {
    topic,
    values: config?.values ?? new Map<string, string>(),
    replication: Math.min(...replicas, Number.POSITIVE_INFINITY),
    brokers: metadata.brokers.length,
  }
  return { kind: 'settings', topicId: found?.topicId ?? '', settings }
}
