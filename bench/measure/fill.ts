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
/** Below what the topic takes in one batch of a partition. */
const BATCH_BYTES = 1_000_000
const KEY_BYTES = 8

/** Where a payload goes: by a hash of its bytes. */
export function placeOf(
  payload: Buffer,
  partitions: number,
): { readonly key: Buffer; readonly partition: number } {
  const key = createHash('sha256').update(payload).digest().subarray(0, KEY_BYTES)
  return { key, partition: key.readUInt32BE(0) % partitions }
}

/** Writes every payload in wire format to the topic, in order in each partition. Returns how many. */
export async function fillTopic(options: FillOptions): Promise<number> {
  const producer = options.kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  let count = 0
  let bytes = 0
  let messages: Message[] = []
  const send = async () => {
    await producer.send({ topic: options.topic, messages })
    count += messages.length
    messages = []
    bytes = 0
  }
  for (const payload of options.payloads) {
    const value = frame(options.schemaId, payload)
    messages.push({ ...placeOf(payload, options.partitions), value })
    bytes += value.length
    if (messages.length === BATCH_ROWS || bytes > BATCH_BYTES) await send()
  }
  if (messages.length > 0) await send()
  await producer.disconnect()
  return count
}
