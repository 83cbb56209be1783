import { spawn, spawnSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { type Admin, type IResourceConfigEntry, Kafka, logLevel, type Message, Partitioners } from 'kafkajs'
import { expect, vi } from 'vitest'
import { testStack } from '../../support/stack.ts'

/** A topic of its own for each test, on the broker of this run. */
export interface TestBroker {
  readonly brokers: readonly string[]
  readonly kafka: Kafka
  readonly admin: Admin
  createTopic(options?: TopicOptions): Promise<string>
  produce(topic: string, messages: Message[]): Promise<void>
  /** One transaction, committed or aborted. */
  transact(topic: string, messages: Message[], end: 'commit' | 'abort'): Promise<void>
  /** Removes what lies before `offset` in partition 0, as retention does. */
  deleteBefore(topic: string, offset: number): Promise<void>
  committed(groupId: string, topic: string): Promise<ReadonlyMap<number, string>>
  close(): Promise<void>
}

export interface TopicOptions {
  readonly partitions?: number
  readonly config?: Readonly<Record<string, string>>
}

export async function openBroker(): Promise<TestBroker> {
  const { brokers } = testStack().kafka
  const kafka = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: { retries: 8 } })
  const admin = kafka.admin()
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
  await Promise.all([admin.connect(), producer.connect()])
  const topics = new Set<string>()
  return {
    brokers,
    kafka,
    admin,
    createTopic: async ({ partitions = 1, config = {} } = {}) => {
      const topic = `kafka-contract.${randomUUID()}`
      topics.add(topic)
      await createTopic(admin, topic, partitions, { 'message.timestamp.type': 'LogAppendTime', ...config })
      return topic
    },
    produce: async (topic, messages) => {
      await producer.send({ topic, messages })
    },
    transact: (topic, messages, end) => transact(kafka, topic, messages, end),
    deleteBefore: async (topic, offset) => {
      // A client of its own that has asked for the topic: else this call of kafkajs does not find the leader.
      const fresh = kafka.admin()
      await fresh.connect()
      await fresh.fetchTopicOffsets(topic)
      await fresh.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: String(offset) }] })
      await fresh.disconnect()
    },
    committed: async (groupId, topic) => {
      const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] })
      return new Map(offsets?.partitions.map(({ partition, offset }) => [partition, offset]))
    },
    close: async () => {
      const existing = new Set(await admin.listTopics())
      await admin.deleteTopics({ topics: [...topics].filter((topic) => existing.has(topic)) })
      await Promise.all([admin.disconnect(), producer.disconnect()])
    },
  }
}

export async function createTopic(
  admin: Admin,
  topic: string,
  numPartitions: number,
  config: Readonly<Record<string, string>>,
): Promise<void> {
  const configEntries: IResourceConfigEntry[] = Object.entries(config).map(([name, value]) => ({
    name,
    value,
  }))
  await admin.createTopics({ topics: [{ topic, numPartitions, configEntries }], waitForLeaders: false })
  // kafkajs's own wait fails when the broker that it asks has not heard of the topic yet.
  await vi.waitFor(
    async () => {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
      expect(topics[0]?.partitions.filter(({ leader }) => leader >= 0)).toHaveLength(numPartitions)
    },
    { timeout: 20_000, interval: 20 },
  )
}

async function transact(
  kafka: Kafka,
  topic: string,
  messages: Message[],
  end: 'commit' | 'abort',
): Promise<void> {
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    transactionalId: randomUUID(),
    maxInFlightRequests: 1,
    idempotent: true,
  })
  await producer.connect()
  const transaction = await producer.transaction()
  const [sent] = await transaction.send({ topic, messages })
  await transaction[end]()
  await producer.disconnect()
  await untilMarked(kafka, topic, Number(sent?.baseOffset) + messages.length)
}

/** Until partition 0 holds the transaction's marker: the broker answers before it has written it. */
async function untilMarked(kafka: Kafka, topic: string, marker: number): Promise<void> {
  const admin = kafka.admin()
  await admin.connect()
  await vi.waitFor(
    async () => {
      const [end] = await admin.fetchTopicOffsets(topic)
      expect(Number(end?.high)).toBeGreaterThan(marker)
    },
    { timeout: 20_000 },
  )
  await admin.disconnect()
}

/** A runtime without a compiler cannot run the client from its source. In CI nothing may be left out. */
export const withoutJava = process.env['CI'] === undefined && spawnSync('javac', ['-version']).status !== 0

/** Runs Kafka's own client (JavaClient.java, compiled as it starts) and gives its standard output. */
export async function javaClient(args: readonly string[]): Promise<string> {
  const jars = process.env['DAYBOOK_KAFKA_JARS']
  if (jars === undefined) throw new Error('DAYBOOK_KAFKA_JARS is not set: run the tests through `npm test`')
  const program = fileURLToPath(new URL('./JavaClient.java', import.meta.url))
  const child = spawn('java', ['-Xmx128m', '-cp', `${jars}/*`, program, ...args])
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8')
  })
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString('utf8')
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`the Java client ended with ${code}: ${errors}`)
  return output
}
