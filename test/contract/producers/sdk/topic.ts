import { Kafka, logLevel } from 'kafkajs'
import { onTestFinished, vi } from 'vitest'
import { ByteReader } from '../../../../schemas/bytes.ts'
import { HEADER_BYTES } from '../../../../schemas/wire.ts'
import { testStack } from '../../../support/stack.ts'

export interface ReadEvent {
  readonly eventId: string
  readonly action: string
  readonly partition: number
  readonly key: string
  readonly value: Buffer
}

export interface TestTopic {
  readonly prefix: string
  readonly name: string
  /** Everything that the topic holds, per partition in offset order. */
  read(): Promise<ReadEvent[]>
}

let count = 0

/** A topic of its own, as the SDK expects it, for one test. */
export async function aTopic(settings: Readonly<Record<string, string>> = {}): Promise<TestTopic> {
  const { kafka: cluster } = testStack()
  const client = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING })
  const admin = client.admin()
  const prefix = `sdk.contract.${process.pid}.${Date.now()}.${count++}.`
  const name = `${prefix}standard`
  const entries = { 'message.timestamp.type': 'LogAppendTime', ...settings }
  const configEntries = Object.entries(entries).map(([key, value]) => ({ name: key, value }))
  await admin.connect()
  await admin.createTopics({
    waitForLeaders: false,
    topics: [{ topic: name, numPartitions: 3, configEntries }],
  })
  // A busy broker answers for a new topic with a delay.
  await vi.waitFor(() => admin.fetchTopicOffsets(name), { timeout: 20_000, interval: 100 })
  onTestFinished(async () => {
    await admin.deleteTopics({ topics: [name] })
    await admin.disconnect()
  })
  return { prefix, name, read: () => readAll(client, name) }
}

async function readAll(client: Kafka, topic: string): Promise<ReadEvent[]> {
  const admin = client.admin()
  await admin.connect()
  const ends = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const missing = new Map(
    ends.filter(({ high }) => high !== '0').map(({ partition, high }) => [partition, BigInt(high)]),
  )
  const events: ReadEvent[] = []
  if (missing.size === 0) return events
  const consumer = client.consumer({ groupId: `${topic}.${Date.now()}` })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await new Promise<void>((resolve, reject) => {
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error))
    consumer
      .run({
        eachBatch: ({ batch }) => {
          for (const { key, value } of batch.messages) {
            if (value !== null) events.push(eventOf(batch.partition, key, value))
          }
          if (BigInt(batch.lastOffset()) + 1n >= (missing.get(batch.partition) ?? 0n))
            missing.delete(batch.partition)
          if (missing.size === 0) resolve()
          return Promise.resolve()
        },
      })
      .catch(reject)
  })
  await consumer.disconnect()
  return events
}

function eventOf(partition: number, key: Buffer | null, value: Buffer): ReadEvent {
  const reader = new ByteReader(value, HEADER_BYTES)
  const eventId = reader.readString()
  reader.readString()
  reader.readLong()
  if (reader.readLong() === 1) reader.readLong()
  return { eventId, action: reader.readString(), partition, key: key?.toString('hex') ?? '', value }
}
