import type { Quarantine } from '../../engine/contracts.ts'
import { type ClientLog, createKafkaClient, type KafkaConnection } from '../client/kafka-client.ts'
import { createRecordSender } from '../client/record-sender.ts'
import { toQuarantineMessage } from './quarantine-message.ts'

export interface QuarantineOptions extends KafkaConnection {
  readonly topic: string
  readonly log?: ClientLog
}

export interface QuarantineWriter extends Quarantine {
  close(): Promise<void>
}

/**
 * Bad records go to a topic: original bytes as value, `topic:partition:offset` as key, all else in headers. Readers
 * count distinct keys, so a `put` that is repeated after a crash changes nothing.
 */
export function createQuarantineWriter(options: QuarantineOptions): QuarantineWriter {
  const sender = createRecordSender(createKafkaClient(options, options.log))
  return {
    put: async (partition, records) => {
      const messages = records.flatMap((record) => toQuarantineMessage(partition, record) ?? [])
      if (messages.length > 0) await sender.send(options.topic, messages)
    },
    close: () => sender.close(),
  }
}
