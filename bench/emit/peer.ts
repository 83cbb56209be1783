import { hash, randomUUID } from 'node:crypto'
import type { Kafka } from 'kafkajs'
import { Partitioners, type Producer } from 'kafkajs'
import { ByteWriter } from '../../schemas/bytes.ts'
import type { AuditEventInput } from '../../schemas/generated/audit-event.ts'
import { encodeAuditEvent } from '../../schemas/generated/encode-audit-event.ts'
import { frame } from '../../schemas/wire.ts'

const BATCH = 1_000

/** What a careful team writes by hand: encode, then `sendBatch` of 1,000, acks=all, one in flight. Nothing survives a crash. */
export async function openPeer(client: Kafka): Promise<Producer> {
  const producer = client.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  await producer.connect()
  return producer
}

export async function peerRun(
  producer: Producer,
  topic: string,
  schemaId: number,
  events: readonly AuditEventInput[],
): Promise<number> {
  const writer = new ByteWriter()
  const started = performance.now()
  for (let at = 0; at < events.length; at += BATCH) {
    const messages = events.slice(at, at + BATCH).map((event) => {
      writer.reset()
      encodeAuditEvent(writer, { ...event, event_id: randomUUID(), occurred_at: Date.now() })
      const key = hash(
        'sha256',
        `${event.tenant_id}/${event.target?.type}/${event.target?.id}`,
        'buffer',
      ).subarray(0, 8)
      return { key, value: frame(schemaId, writer.take()) }
    })
    await producer.sendBatch({ acks: -1, topicMessages: [{ topic, messages }] })
  }
  return events.length / ((performance.now() - started) / 1_000)
}
