import type { ConnectionOptions } from 'node:tls'
import type { SASLOptions } from 'kafkajs'
import { DaybookError } from '../../../../schemas/errors.ts'
import type { Transport } from '../delivery/transport.ts'
import { KafkaConnection } from './kafka-connection.ts'
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

const RETENTION = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** Events go to Kafka. Nothing is loaded and nobody is asked before the first send. */
export function kafka(options: KafkaOptions): Transport {
  const retentions = options.retentions ?? ['standard']
  const [defaultRetention] = retentions
  if (defaultRetention === undefined || !retentions.every((name) => RETENTION.test(name))) {
    throw invalid('retentions', 'name at least one class, in lower-case letters, digits, `-` and `_`')
  }
  if (options.brokers.length === 0) throw invalid('brokers', 'name at least one broker as host:port')
  const known = new Set(retentions)
  return {
    name: 'kafka',
    defaultRetention,
    accepts: (retention) => known.has(retention),
    open: ({ clientId }) => new KafkaConnection({ ...options, clientId }),
  }
}

function invalid(option: string, remedy: string): DaybookError {
  return new DaybookError('DAYBOOK_SDK_CONFIG_INVALID', `kafka({ ${option} }): ${remedy}.`, {
    details: { option },
  })
}
