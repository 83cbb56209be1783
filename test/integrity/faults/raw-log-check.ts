import type { RawRecord } from './verify/raw-log.ts'
import type { World } from './world.ts'

/** What Kafka's own client reads of a topic with `read_committed`, by partition: to hold the raw dump against. */
export async function consumeAll(
  world: World,
  topic: string,
  count: number,
): Promise<ReadonlyMap<number, Pick<RawRecord, 'offset' | 'timestamp' | 'key' | 'value'>[]>> {
  const consumer = world.kafka.consumer({ groupId: `check-${topic}`, readUncommitted: false })
  const read = new Map<number, Pick<RawRecord, 'offset' | 'timestamp' | 'key' | 'value'>[]>()
  const done = Promise.withResolvers<void>()
  let left = count
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const { key, value } = message
      const record = { offset: BigInt(message.offset), timestamp: Number(message.timestamp), key, value }
      read.set(partition, [...(read.get(partition) ?? []), record])
      if (--left === 0) done.resolve()
    },
  })
  await done.promise
  await consumer.disconnect()
  return read
}
