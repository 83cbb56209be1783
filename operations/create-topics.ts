import { type IResourceConfigEntry, Kafka, logLevel } from 'kafkajs'
import type { Endpoints } from './endpoints.ts'

const PARTITIONS = 6
const DAY_MS = 24 * 3_600_000
const MAX_RECORD_BYTES = 2_097_152

/** Settings of an event topic; infra/kafka/topics.md explains each. Workers refuse a topic that is set otherwise. */
const EVENT_TOPIC = [
  { name: 'cleanup.policy', value: 'delete' },
  { name: 'message.timestamp.type', value: 'LogAppendTime' },
  { name: 'retention.ms', value: String(7 * DAY_MS) },
  { name: 'max.message.bytes', value: String(MAX_RECORD_BYTES) },
] as const

/**
 * A quarantined record carries the original bytes and headers of its own, so it may be larger. It waits for a person
 * for 30 days; the archive holds the same bytes in place for as long as it holds anything.
 */
const QUARANTINE_TOPIC = [
  { name: 'cleanup.policy', value: 'delete' },
  { name: 'retention.ms', value: String(30 * DAY_MS) },
  { name: 'max.message.bytes', value: String(2 * MAX_RECORD_BYTES) },
] as const

export interface TopicsOptions {
  readonly kafka: Endpoints['kafka']
  readonly topics: readonly string[]
  readonly quarantineTopic: string
  /** Of each event topic; fixed at creation. Default 6. */
  readonly partitions?: number
}

/** Creates the topics that do not exist; those that do are left as they are. Returns the names of the new ones. */
export async function createTopics(options: TopicsOptions): Promise<readonly string[]> {
  const admin = new Kafka({ brokers: [...options.kafka.brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    const existing = new Set(await admin.listTopics())
    const wanted = [
      ...options.topics.map((topic) => topicOf(topic, EVENT_TOPIC, options.partitions ?? PARTITIONS)),
      topicOf(options.quarantineTopic, QUARANTINE_TOPIC, PARTITIONS),
    ].filter(({ topic }) => !existing.has(topic))
    if (wanted.length > 0) await admin.createTopics({ topics: wanted, waitForLeaders: true })
    return wanted.map(({ topic }) => topic)
  } finally {
    await admin.disconnect()
  }
}

function topicOf(topic: string, settings: readonly IResourceConfigEntry[], numPartitions: number) {
  // −1: as many replicas as the broker's default says.
  return { topic, numPartitions, replicationFactor: -1, configEntries: [...settings] }
}
