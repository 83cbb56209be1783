import type { ConnectionOptions } from 'node:tls'
import type { SASLOptions } from 'kafkajs'
import type { RegistryOptions } from './schema-ids.ts'

export interface KafkaOptions {
  /** `host:port` of some brokers of the cluster. */
  readonly brokers: readonly string[]
  readonly ssl?: boolean | ConnectionOptions
  readonly sasl?: SASLOptions
  readonly registry: RegistryOptions
  /** Retention classes that have a topic; the first is the default. Default: `['standard']`. */
  readonly retentions?: readonly string[]
  /** Topic of a class: this prefix, then its name. Default: `audit.events.`. */
  readonly topicPrefix?: string
  /** Connections that send side by side; one object's events always take the same. Default: 2. */
  readonly lanes?: number
  /** Stay below the topic's `max.message.bytes`. Default: 900,000. */
  readonly maxBatchBytes?: number
  /** How long one request may take. Default: 30 s. */
  readonly requestTimeoutMs?: number
}
