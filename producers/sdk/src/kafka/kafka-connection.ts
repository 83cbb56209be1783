import type { Kafka } from 'kafkajs'
import { wholeAnswerSocket } from '../../../../runtime/kafka-wire/socket.ts'
import { DaybookError } from '../../../../schemas/errors.ts'
import type { Connection, SendOutcome } from '../delivery/transport.ts'
import type { Entry } from '../spool/entry.ts'
import { encodeFaster } from './client-internals.ts'
import type { KafkaOptions } from './kafka-options.ts'
import { ProducerLane } from './producer-lane.ts'
import { SchemaIds } from './schema-ids.ts'
import { sendFailure } from './send-error.ts'

const DEFAULT_LANES = 2
const DEFAULT_BATCH_BYTES = 900_000
/** Larger batches bring nothing, and the client's grouping by partition is quadratic in them. */
const MAX_BATCH_RECORDS = 2_000
const CONNECTION_TIMEOUT_MS = 5_000
const REQUEST_TIMEOUT_MS = 30_000

export class KafkaConnection implements Connection {
  readonly lanes: number
  readonly maxBatchBytes: number
  readonly maxBatchRecords = MAX_BATCH_RECORDS
  readonly #o: KafkaOptions & { readonly clientId: string }
  readonly #schemaIds: SchemaIds
  readonly #topicPrefix: string
  readonly #producers: ProducerLane[] = []
  #client: Promise<Kafka> | null = null

  constructor(options: KafkaOptions & { readonly clientId: string }) {
    this.#o = options
    this.lanes = options.lanes ?? DEFAULT_LANES
    this.maxBatchBytes = options.maxBatchBytes ?? DEFAULT_BATCH_BYTES
    this.#topicPrefix = options.topicPrefix ?? 'audit.events.'
    this.#schemaIds = new SchemaIds({ registry: options.registry, clientId: options.clientId })
  }

  async send(lane: number, batch: readonly Entry[]): Promise<SendOutcome> {
    try {
      await this.#learnSchemas(batch)
      const producer = await this.#producer(lane)
      return await producer.send(batch)
    } catch (error) {
      if (error instanceof DaybookError) return { kind: 'failed', error }
      return { kind: 'failed', error: sendFailure(error, this.#o.brokers).error }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#producers.map((producer) => producer.close()))
  }

  async #producer(lane: number): Promise<ProducerLane> {
    const found = this.#producers[lane]
    if (found !== undefined) return found
    this.#client ??= this.#load()
    const made = new ProducerLane({
      client: await this.#client,
      brokers: this.#o.brokers,
      topicOf: (entry) => this.#topicOf(entry),
      schemaIdOf: (entry) => this.#schemaIdOf(entry),
    })
    this.#producers[lane] = made
    return made
  }

  async #learnSchemas(batch: readonly Entry[]): Promise<void> {
    let last: Entry | null = null
    for (const entry of batch) {
      if (last !== null && entry.schema === last.schema && entry.retention === last.retention) continue
      last = entry
      await this.#schemaIds.learn(this.#topicOf(entry), entry.schema)
    }
  }

  #topicOf(entry: Entry): string {
    return this.#topicPrefix + entry.retention
  }

  #schemaIdOf(entry: Entry): number {
    const id = this.#schemaIds.known(this.#topicOf(entry), entry.schema)
    if (id === undefined) throw new TypeError('a schema id is used before it was learned')
    return id
  }

  async #load(): Promise<Kafka> {
    const { Kafka, logLevel } = await import('kafkajs')
    const { brokers, ssl, sasl, clientId, requestTimeoutMs } = this.#o
    const client = new Kafka({
      clientId,
      brokers: [...brokers],
      ...(ssl === undefined ? {} : { ssl }),
      ...(sasl === undefined ? {} : { sasl }),
      logLevel: logLevel.NOTHING, // Failures come back to us and are reported as problems.
      socketFactory: wholeAnswerSocket,
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
      retry: { retries: 1, initialRetryTime: 100, maxRetryTime: 1_000 },
    })
    encodeFaster(client)
    return client
  }
}
