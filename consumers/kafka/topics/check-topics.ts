import type { Admin } from 'kafkajs'
import { DaybookError } from '../../../schemas/errors.ts'
import { clientError } from '../client/broker-errors.ts'
import { createKafkaClient, type KafkaConnection } from '../client/kafka-client.ts'
import {
  eventTopicFindings,
  MIN_RETENTION_MS,
  quarantineFindings,
  type TopicFinding,
  type TopicSettings,
} from './topic-rules.ts'

/** Resource types of DescribeConfigs. kafkajs has them, but not where an ES module can import them from. */
const RESOURCE = { topic: 2, broker: 4 } as const

export interface CheckTopicsOptions extends KafkaConnection {
  readonly topics: readonly string[]
  /** Null for workers that write no quarantine topic. */
  readonly quarantineTopic: string | null
}

/**
 * Reads the settings of all topics from the brokers and compares them with what the pipeline relies on.
 * @throws DaybookError DAYBOOK_KAFKA_TOPIC_MISSING, DAYBOOK_KAFKA_UNAUTHORIZED, or retryable DAYBOOK_KAFKA_BROKER
 */
export async function checkTopics(options: CheckTopicsOptions): Promise<readonly TopicFinding[]> {
  const admin = createKafkaClient(options).admin()
  try {
    await admin.connect()
    const events = await readSettings(admin, options.topics)
    const quarantine =
      options.quarantineTopic === null ? [] : await readSettings(admin, [options.quarantineTopic])
    return [
      ...events.flatMap(eventTopicFindings),
      ...quarantine.flatMap((settings) => quarantineFindings(settings, events)),
      ...(await offsetsRetentionFindings(admin)),
    ]
  } catch (error) {
    throw clientError(error, 'topic settings')
  } finally {
    await admin.disconnect()
  }
}

/** @throws DaybookError DAYBOOK_KAFKA_TOPIC_CONFIG that names every error among the findings */
export function assertNoErrors(findings: readonly TopicFinding[]): void {
  const errors = findings.filter(({ severity }) => severity === 'error')
  if (errors.length === 0) return
  throw new DaybookError(
    'DAYBOOK_KAFKA_TOPIC_CONFIG',
    `topics are not set up for an audit log:\n  ${errors.map(({ message }) => message).join('\n  ')}`,
    { details: { faults: errors.length } },
  )
}

async function readSettings(admin: Admin, topics: readonly string[]): Promise<TopicSettings[]> {
  const existing = new Set(await admin.listTopics())
  const missing = topics.find((topic) => !existing.has(topic))
  if (missing !== undefined) {
    throw new DaybookError(
      'DAYBOOK_KAFKA_TOPIC_MISSING',
      `topic ${missing} does not exist: create it (see docs/operate), or correct DAYBOOK_TOPICS`,
      { details: { topic: missing } },
    )
  }
  const metadata = await admin.fetchTopicMetadata({ topics: [...topics] })
  const resources = topics.map((name) => ({ type: RESOURCE.topic, name }))
  const described = await admin.describeConfigs({ resources, includeSynonyms: false })
  return described.resources.map(({ resourceName, configEntries }) => ({
    topic: resourceName,
    values: new Map(configEntries.map(({ configName, configValue }) => [configName, configValue])),
    replication: replicationOf(metadata, resourceName),
  }))
}

function replicationOf(metadata: Awaited<ReturnType<Admin['fetchTopicMetadata']>>, topic: string): number {
  const partitions = metadata.topics.find(({ name }) => name === topic)?.partitions ?? []
  return Math.min(...partitions.map(({ replicas }) => replicas.length), Number.POSITIVE_INFINITY)
}

const OFFSETS_RETENTION = 'offsets.retention.minutes'

/** Committed offsets are only a hint, so a short life of theirs costs time, not events. */
async function offsetsRetentionFindings(admin: Admin): Promise<TopicFinding[]> {
  const { brokers } = await admin.describeCluster()
  const name = String(brokers[0]?.nodeId ?? 0)
  const resources = [{ type: RESOURCE.broker, name, configNames: [OFFSETS_RETENTION] }]
  const { resources: described } = await admin.describeConfigs({ resources, includeSynonyms: false })
  const entry = described[0]?.configEntries.find(({ configName }) => configName === OFFSETS_RETENTION)
  const minutes = Number(entry?.configValue ?? Number.POSITIVE_INFINITY)
  if (minutes * 60_000 >= MIN_RETENTION_MS) return []
  const message =
    `brokers: ${OFFSETS_RETENTION} is ${minutes}, should be at least ${MIN_RETENTION_MS / 60_000}: ` +
    'a worker that was down for longer asks its store where to go on, which takes longer'
  return [{ topic: '__consumer_offsets', setting: OFFSETS_RETENTION, severity: 'warning', message }]
}
