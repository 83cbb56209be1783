import { randomUUID } from 'node:crypto'
import { type Kafka, Partitioners } from 'kafkajs'
import type { PartitionRef } from '../../../consumers/engine/contracts.ts'

/** A good event that the broker has acknowledged. */
export interface GoodEvent {
  readonly id: string
  readonly partition: PartitionRef
  readonly offset: bigint
  /** Milliseconds since the Unix epoch. */
  readonly ackedAt: number
}

/** Sends a few good events to every partition all the time, as a service does that has nothing to do with an attack. */
export interface GoodTraffic {
  readonly events: readonly GoodEvent[]
  /** Resolves when whatever was on its way at the call is acknowledged or given up. */
  settled(): Promise<void>
  /** Ends it; resolves when the last one is acknowledged. */
  stop(): Promise<void>
}

const TICK_MS = 100
const EVENTS_PER_TICK = 2

export async function startGoodTraffic(o: {
  readonly kafka: Kafka
  readonly partitions: () => readonly PartitionRef[]
  readonly eventOf: (id: string) => Buffer
}): Promise<GoodTraffic> {
  const producer = o.kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    // Partitions may be added while it runs.
    metadataMaxAge: 2_000,
    retry: { retries: 3 },
  })
  await producer.connect()
  const events: GoodEvent[] = []
  const stopping = new AbortController()

  /** Each topic by itself: one that is gone must not stop the traffic to the others. */
  async function sendTo(topic: string, refs: readonly PartitionRef[]): Promise<void> {
    const sent = refs.flatMap((ref) =>
      Array.from({ length: EVENTS_PER_TICK }, () => ({ ref, id: randomUUID() })),
    )
    const messages = sent.map(({ ref, id }) => ({ partition: ref.partition, key: id, value: o.eventOf(id) }))
    const answers = await producer.send({ topic, acks: -1, messages })
    const ackedAt = Date.now()
    for (const ref of refs) {
      const base = answers.find(({ partition }) => partition === ref.partition)?.baseOffset
      if (base === undefined) continue
      const own = sent.filter((one) => one.ref === ref)
      for (const [at, { id }] of own.entries())
        events.push({ id, partition: ref, offset: BigInt(base) + BigInt(at), ackedAt })
    }
  }

  let rounds = 0
  const sending = (async () => {
    while (!stopping.signal.aborted) {
      const byTopic = Map.groupBy(o.partitions(), ({ topic }) => topic)
      await Promise.all([...byTopic].map(([topic, refs]) => sendTo(topic, refs).catch(() => undefined)))
      rounds += 1
      await new Promise((resolve) => setTimeout(resolve, TICK_MS))
    }
  })()
  return {
    events,
    settled: async () => {
      for (const from = rounds; rounds < from + 1 && !stopping.signal.aborted; )
        await new Promise((resolve) => setTimeout(resolve, TICK_MS))
    },
    stop: async () => {
      stopping.abort()
      await sending
      await producer.disconnect()
    },
  }
}
