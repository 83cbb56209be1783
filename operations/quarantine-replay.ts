import { createKafkaClient, type KafkaConnection } from '../consumers/kafka/client/kafka-client.ts'
import { createRecordSender } from '../consumers/kafka/client/record-sender.ts'
import {
  FIRST_OFFSET_HEADER,
  type QuarantineEntry,
} from '../consumers/kafka/quarantine/quarantine-message.ts'

/**
 * Sends quarantined records again to the topics they came from: same key, same bytes, and a header that names where
 * each first stood. Resolves with the number sent, all of them acknowledged. A repeat sends them once more.
 */
export async function replayQuarantine(
  connection: KafkaConnection,
  entries: readonly QuarantineEntry[],
): Promise<number> {
  const sender = createRecordSender(createKafkaClient(connection))
  try {
    for (const [topic, own] of Map.groupBy(entries, ({ partition }) => partition.topic)) {
      const records = own.map(({ key, value, partition, offset }) => ({
        key,
        value,
        headers: { [FIRST_OFFSET_HEADER]: `${partition.topic}:${partition.partition}:${offset}` },
      }))
      await sender.send(topic, records)
    }
  } finally {
    await sender.close()
  }
  return entries.length
}
