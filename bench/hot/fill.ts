import { createHash } from 'node:crypto'
import type { Kafka, Message } from 'kafkajs'
import { frame } from '../../schemas/wire.ts'

export interface FillOptions {
  readonly kafka: Kafka
  readonly topic: string
  readonly partitions: number
  readonly schemaId: number
  readonly payloads: Iterable<Buffer>
}

const BATCH_ROWS = 2_000
const KEY_BYTES = 8

/** Writes every payload in wire format to the topic, spread by a hash of its bytes. Returns how many. */
export async function fillTopic(options: FillOptions): Promise<number> {
  const producer = options.kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  let count = 0
  let messages: Message[] = []
  const send = async () => {
    await producer.send({ topic: options.topic, messages })
    count += messages.length
    messages = []
  }
  for (const payload of options.payloads) {
    const key = createHash('sha256').update(payload).digest().subarray(0, KEY_BYTES)
    messages.push({ key, value: frame(options.schemaId, payload), partition: key.readUInt32BE(0) % options.partitions })
    if (messages.length === BATCH_ROWS) await send()
  }
  if (messages.length > 0) await send()
  await producer.disconnect()
  return count
}
