import { DaybookError } from '../../../../schemas/errors.ts'
import type { Transport } from '../delivery/transport.ts'
import { KafkaConnection } from './kafka-connection.ts'
import type { KafkaOptions } from './kafka-options.ts'

const RETENTION = /^[a-z0-9][a-z0-9_-]{0,63}$/

/** Events go to Kafka. No module is loaded and no connection made before the first send. */
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
