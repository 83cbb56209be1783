import type { Kafka, Message, Producer, RecordMetadata } from 'kafkajs'
import { DaybookError } from '../../../../schemas/errors.ts'
import { writeFrameHeader } from '../../../../schemas/wire.ts'
import type { Rejection, SendOutcome } from '../delivery/transport.ts'
import type { Entry } from '../spool/entry.ts'
import { stickyPartitioner } from './partition.ts'
import { sendFailure } from './send-error.ts'

const ALL_REPLICAS = -1

interface TopicMessages {
  readonly topic: string
  readonly messages: Message[]
}

export interface ProducerLaneOptions {
  readonly client: Kafka
  readonly brokers: readonly string[]
  readonly topicOf: (entry: Entry) => string
  readonly schemaIdOf: (entry: Entry) => number
}

type Clock = { readonly offsetMs: number; readonly roundTripMs: number } | null

/**
 * One producer with one unresolved send: nothing else is sent before the batch is acknowledged, so of every event the
 * first copy in the log stands where its order has it. A batch whose answer is lost is sent again, and its records
 * may then stand twice in the log, under the same event ids.
 *
 * The broker is not asked to drop such copies (`idempotent`): it tells them by numbers that every producer can write,
 * so another one could make it drop events instead and acknowledge them (docs/decisions/sdk-send-path.md).
 */
export class ProducerLane {
  readonly #o: ProducerLaneOptions
  #producer: Promise<Producer> | null = null
  #sentAt = 0

  constructor(options: ProducerLaneOptions) {
    this.#o = options
  }

  async send(batch: readonly Entry[]): Promise<SendOutcome> {
    const rejected: Rejection[] = []
    const results = await this.#sendAll(batch, rejected)
    if (results instanceof DaybookError) return { kind: 'failed', error: results }
    return { kind: 'acknowledged', rejected, clock: clockOf(this.#sentAt, Date.now(), results) }
  }

  async close(): Promise<void> {
    const producer = this.#producer
    this.#producer = null
    await producer?.then((opened) => opened.disconnect()).catch(() => undefined)
  }

  async #sendAll(batch: readonly Entry[], rejected: Rejection[]): Promise<RecordMetadata[] | DaybookError> {
    try {
      const producer = await this.#connected()
      this.#sentAt = Date.now()
      return await producer.sendBatch({ acks: ALL_REPLICAS, topicMessages: this.#messagesOf(batch) })
    } catch (cause) {
      const failure = sendFailure(cause, this.#o.brokers)
      if (failure.tooLarge) return this.#sendHalves(batch, rejected, cause)
      // What this one knows of brokers and connections may be why it failed.
      await this.close()
      return failure.error
    }
  }

  /** Something in the batch cannot be taken by the broker: find it, and let everything else pass. */
  async #sendHalves(
    batch: readonly Entry[],
    rejected: Rejection[],
    cause: unknown,
  ): Promise<RecordMetadata[] | DaybookError> {
    const [entry] = batch
    if (batch.length === 1 && entry !== undefined) {
      rejected.push({ entry, error: rejection(entry, this.#o.topicOf(entry), cause) })
      return []
    }
    const middle = batch.length >> 1
    const first = await this.#sendAll(batch.slice(0, middle), rejected)
    return first instanceof DaybookError ? first : this.#sendAll(batch.slice(middle), rejected)
  }

  #connected(): Promise<Producer> {
    this.#producer ??= this.#connect().catch((error: unknown) => {
      this.#producer = null
      throw error
    })
    return this.#producer
  }

  async #connect(): Promise<Producer> {
    const producer = this.#o.client.producer({
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: stickyPartitioner,
      retry: { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000 },
    })
    await producer.connect()
    return producer
  }

  #messagesOf(batch: readonly Entry[]): TopicMessages[] {
    const byTopic = new Map<string, Message[]>()
    for (const entry of batch) {
      writeFrameHeader(entry.value, this.#o.schemaIdOf(entry))
      const topic = this.#o.topicOf(entry)
      const messages = byTopic.get(topic)
      const message = { key: entry.key, value: entry.value }
      if (messages === undefined) byTopic.set(topic, [message])
      else messages.push(message)
    }
    return Array.from(byTopic, ([topic, messages]) => ({ topic, messages }))
  }
}

function clockOf(sentAt: number, receivedAt: number, results: readonly RecordMetadata[]): Clock {
  let appendTime = -1
  for (const result of results) appendTime = Math.max(appendTime, Number(result.logAppendTime ?? -1))
  if (appendTime < 0) return null
  return { offsetMs: Math.trunc((sentAt + receivedAt) / 2) - appendTime, roundTripMs: receivedAt - sentAt }
}

function rejection(entry: Entry, topic: string, cause: unknown): DaybookError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new DaybookError(
    'DAYBOOK_SDK_RECORD_REJECTED',
    `Kafka does not take the event of sequence ${entry.sequence} (${entry.value.length} bytes) on ${topic}: ${why}. Lower maxEventBytes below the topic's max.message.bytes.`,
    { cause, details: { topic, sequence: entry.sequence, bytes: entry.value.length } },
  )
}
