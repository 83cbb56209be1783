import { type IHeaders, type Kafka, Partitioners } from 'kafkajs'
import { DaybookError } from '../../../schemas/errors.ts'
import { clientError } from './broker-errors.ts'

export interface OutgoingRecord {
  readonly key: Buffer | string | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | string>>
}

export interface RecordSender {
  /**
   * Resolves when all replicas that must be in sync hold every record. A rejection says nothing about which of them
   * were written: the caller sends all again, and repeats are harmless to whoever reads them.
   */
  send(topic: string, records: readonly OutgoingRecord[]): Promise<void>
  close(): Promise<void>
}

/** Below the default limit of brokers, with room for the batch's own header. A larger record goes alone. */
const MAX_REQUEST_BYTES = 900_000

/** One send at a time per sender: with more, kafkajs can lose or repeat records when an answer is lost. */
export function createRecordSender(kafka: Kafka): RecordSender {
  const producer = kafka.producer({
    createPartitioner: Partitioners.DefaultPartitioner,
    allowAutoTopicCreation: false,
    maxInFlightRequests: 1,
  })
  let connected: Promise<void> | null = null
  let tail: Promise<void> = Promise.resolve()
  const connect = (): Promise<void> => {
    connected ??= producer.connect().catch((error: unknown) => {
      connected = null
      throw error
    })
    return connected
  }
  const sendAll = async (topic: string, records: readonly OutgoingRecord[]): Promise<void> => {
    try {
      await connect()
      for (const chunk of chunks(records)) {
        await producer.send({ topic, acks: -1, messages: chunk.map(toMessage) })
      }
    } catch (error) {
      throw sendError(error, topic)
    }
  }
  return {
    send: (topic, records) => {
      const sent = tail.then(() => sendAll(topic, records))
      tail = sent.catch(() => {})
      return sent
    },
    close: async () => {
      await tail
      await producer.disconnect()
    },
  }
}

function toMessage({ key, value, headers }: OutgoingRecord) {
  const copied: IHeaders = { ...headers }
  return { key, value, headers: copied }
}

export function* chunks(records: readonly OutgoingRecord[]): Generator<readonly OutgoingRecord[]> {
  let chunk: OutgoingRecord[] = []
  let bytes = 0
  for (const record of records) {
    const size = sizeOf(record)
    if (chunk.length > 0 && bytes + size > MAX_REQUEST_BYTES) {
      yield chunk
      chunk = []
      bytes = 0
    }
    chunk.push(record)
    bytes += size
  }
  if (chunk.length > 0) yield chunk
}

function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let bytes = 100 + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, header] of Object.entries(headers)) bytes += name.length + Buffer.byteLength(header) + 10
  return bytes
}

function sendError(error: unknown, topic: string): DaybookError {
  const type: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'type') : undefined
  if (type === 'MESSAGE_TOO_LARGE' || type === 'RECORD_LIST_TOO_LARGE') {
    return new DaybookError(
      'DAYBOOK_KAFKA_RECORD_TOO_LARGE',
      `topic ${topic} refuses a record for its size: raise its max.message.bytes above that of the event topics`,
      { cause: error, details: { topic } },
    )
  }
  return clientError(error, `send to ${topic}`)
}
