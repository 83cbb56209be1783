import { clientError } from '../client/broker-errors.ts'
import type { ClusterView } from '../client/cluster-view.ts'
import { createKafkaClient, type KafkaConnection } from '../client/kafka-client.ts'
import { openCluster } from '../client/open-cluster.ts'
import { configError } from './config-error.ts'
import { readSettings, type TopicReading } from './read-settings.ts'
import { eventTopicFindings, MIN_RETENTION_MS, quarantineFindings, type TopicFinding } from './topic-rules.ts'

export interface CheckTopicsOptions extends KafkaConnection {
  readonly topics: readonly string[]
  /** Null for workers that write no quarantine topic. */
  readonly quarantineTopic: string | null
}

/**
 * Reads the settings of all topics from the brokers and compares them with what the pipeline relies on. A topic that
 * is missing, or that may not be asked, is a finding like any other.
 * @throws DaybookError DAYBOOK_KAFKA_UNAUTHORIZED, or retryable DAYBOOK_KAFKA_BROKER
 */
export async function checkTopics(options: CheckTopicsOptions): Promise<readonly TopicFinding[]> {
  const { topics, quarantineTopic } = options
  const { view, close } = await openCluster(createKafkaClient(options))
  try {
    const all = quarantineTopic === null ? topics : [...topics, quarantineTopic]
    const readings = await readSettings(view, [...new Set(all)])
    const settings = [...readings].flatMap(([topic, reading]) =>
      reading.kind === 'settings' ? [{ ...reading.settings, isEvents: topics.includes(topic) }] : [],
    )
    const events = settings.filter(({ isEvents }) => isEvents)
    return [
      ...[...readings].flatMap(unreadable),
      ...events.flatMap(eventTopicFindings),
      ...settings.filter(({ isEvents }) => !isEvents).flatMap((found) => quarantineFindings(found, events)),
      ...(await offsetsRetentionFindings(view)),
    ]
  } catch (error) {
    throw clientError(error, 'topic settings')
  } finally {
    await close()
  }
}

/** @throws DaybookError DAYBOOK_KAFKA_TOPIC_CONFIG that names every error among the findings */
export function assertNoErrors(findings: readonly TopicFinding[]): void {
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) throw configError(errors, 'worker')
}

function unreadable([topic, reading]: readonly [string, TopicReading]): TopicFinding[] {
  if (reading.kind === 'settings') return []
  const { message } = reading.error
  return [{ topic, setting: '', severity: 'error', reading: 'stop', message }]
}

const OFFSETS_RETENTION = 'offsets.retention.minutes'

/** Committed offsets are only a hint, so a short life of theirs costs time, not events. */
async function offsetsRetentionFindings(view: ClusterView): Promise<TopicFinding[]> {
  const { brokers } = await view.metadata([])
  const [broker] = brokers
  const described = broker === undefined ? undefined : await view.brokerConfig(broker.nodeId)
  const minutes = Number(described?.values.get(OFFSETS_RETENTION) ?? Number.POSITIVE_INFINITY)
  if (minutes * 60_000 >= MIN_RETENTION_MS) return []
  const message =
    `brokers: ${OFFSETS_RETENTION} is ${minutes}, should be at least ${MIN_RETENTION_MS / 60_000}: ` +
    'a worker that was down for longer asks its store where to go on, which takes longer'
  return [
    {
      topic: '__consumer_offsets',
      setting: OFFSETS_RETENTION,
      severity: 'warning',
      reading: 'go on',
      message,
    },
  ]
}
