import { randomUUID } from 'node:crypto'
import avro from 'avsc'
import { CompressionTypes, type Kafka, type Message } from 'kafkajs'
import { POISON_KEY_PREFIX } from './verify/compare.ts'

/**
 * Producers that are not ours: they send poison, tombstones, compressed batches, and transactions of which some are
 * aborted. Encodes with avsc from the registered schema text, so nothing of the product makes these bytes.
 */
export interface ForeignOptions {
  readonly kafka: Kafka
  readonly topics: readonly {
    readonly name: string
    readonly partitions: number
    readonly schemaId: number
  }[]
  readonly schemaText: string
  /** The pipeline's record limit in bytes; one record goes beyond it. */
  readonly maxRecordBytes: number
  readonly random: () => number
}

const MAGIC = 0
const UNKNOWN_SCHEMA_ID = 987_654_321
/** A map whose only block claims 10^9 entries, in a handful of bytes. */
const HUGE_COUNT = Buffer.from([0x80, 0xa8, 0xd6, 0xb9, 0x07])

/** Sends a mixture to every partition. Returns the number of records, aborted ones not counted. */
export async function sendForeignRecords(options: ForeignOptions): Promise<number> {
  const producer = options.kafka.producer({ idempotent: false })
  await producer.connect()
  let sent = 0
  for (const topic of options.topics) {
    for (let partition = 0; partition < topic.partitions; partition++) {
      const messages = [...poison(options, topic.schemaId), tombstone()].map((message) => ({
        ...message,
        partition,
      }))
      await producer.send({ topic: topic.name, messages })
      const events = [event(options, topic.schemaId), event(options, topic.schemaId)]
      await producer.send({
        topic: topic.name,
        compression: CompressionTypes.GZIP,
        messages: events.map((message) => ({ ...message, partition })),
      })
      sent += messages.length + events.length
    }
  }
  await producer.disconnect()
  return sent + (await sendTransactions(options))
}

async function sendTransactions(options: ForeignOptions): Promise<number> {
  const producer = options.kafka.producer({
    transactionalId: `foreign-${randomUUID()}`,
    idempotent: true,
    maxInFlightRequests: 1,
  })
  await producer.connect()
  let sent = 0
  for (const topic of options.topics) {
    for (const keep of [true, false, true]) {
      const transaction = await producer.transaction()
      const messages = [event(options, topic.schemaId), event(options, topic.schemaId)]
      await transaction.send({ topic: topic.name, messages })
      await (keep ? transaction.commit() : transaction.abort())
      if (keep) sent += messages.length
    }
  }
  await producer.disconnect()
  return sent
}

function poison(options: ForeignOptions, schemaId: number): Message[] {
  const valid = encode(options, schemaId)
  const badUuid = encode(options, schemaId, { event_id: 'not-a-uuid-but-as-long-as-a-uuid-is' })
  const values = [
    Buffer.from('plain text'),
    Buffer.alloc(0),
    frame(UNKNOWN_SCHEMA_ID, valid.subarray(5)),
    valid.subarray(0, valid.length - 3),
    Buffer.concat([valid, Buffer.of(0)]),
    frame(schemaId, HUGE_COUNT),
    badUuid,
    frame(schemaId, Buffer.alloc(options.maxRecordBytes + 1, 0x61)),
  ]
  return values.map((value) => ({ key: `${POISON_KEY_PREFIX}${randomUUID()}`, value }))
}

const tombstone = (): Message => ({ key: `tombstone:${randomUUID()}`, value: null })

const event = (options: ForeignOptions, schemaId: number): Message => ({
  key: Buffer.from(randomUUID()),
  value: encode(options, schemaId),
})

function encode(options: ForeignOptions, schemaId: number, over: Record<string, unknown> = {}): Buffer {
  const type = avro.Type.forSchema(JSON.parse(options.schemaText))
  if (!(type instanceof avro.types.RecordType)) throw new Error('the event schema is no record')
  const defaults = Object.fromEntries(type.fields.map((field) => [field.name, field.defaultValue()]))
  const filled = {
    ...defaults,
    event_id: randomUUID(),
    tenant_id: 'foreign',
    action: 'foreign.sent',
    occurred_at: Date.now(),
  }
  const sequence = Math.floor(options.random() * 1e9)
  return frame(schemaId, type.toBuffer({ ...filled, sequence, ...over }))
}

function frame(schemaId: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.writeUInt8(MAGIC, 0)
  header.writeUInt32BE(schemaId, 1)
  return Buffer.concat([header, payload])
}
