import { createKafkaClient, type KafkaConnection } from '../consumers/kafka/client/kafka-client.ts'
import { openCluster } from '../consumers/kafka/client/open-cluster.ts'
import { readTopic } from '../consumers/kafka/fetch/topic-reader.ts'
import {
  fromQuarantineRecord,
  type QuarantineEntry,
} from '../consumers/kafka/quarantine/quarantine-message.ts'

export interface ListQuarantineOptions extends KafkaConnection {
  readonly topic: string
  /** At most so many distinct entries are kept in memory and answered. */
  readonly maxEntries: number
  readonly matches?: (entry: QuarantineEntry) => boolean
}

export interface QuarantineListing {
  /** One per original record, the first copy of each. */
  readonly entries: readonly QuarantineEntry[]
  /** Records of the quarantine topic that were read, repeats included. */
  readonly scanned: number
  /** Records that no quarantine wrote. */
  readonly foreign: number
  /** There are more entries than `maxEntries`. */
  readonly isTruncated: boolean
}

/** Lists what the quarantine topic holds now. Joins no group and commits nothing. */
export async function listQuarantine(options: ListQuarantineOptions): Promise<QuarantineListing> {
  const { topic, maxEntries, matches = () => true } = options
  const cluster = await openCluster(createKafkaClient(options))
  const entries = new Map<string, QuarantineEntry>()
  let scanned = 0
  let foreign = 0
  try {
    for await (const { record } of readTopic(cluster.view, topic)) {
      scanned += 1
      const entry = fromQuarantineRecord(record)
      if (entry === null) foreign += 1
      if (entry === null || !matches(entry)) continue
      const key = `${entry.partition.topicId}:${entry.partition.partition}:${entry.offset}`
      if (entries.has(key)) continue
      if (entries.size >= maxEntries)
        return { entries: [...entries.values()], scanned, foreign, isTruncated: true }
      entries.set(key, detached(entry))
    }
  } finally {
    await cluster.close()
  }
  return { entries: [...entries.values()], scanned, foreign, isTruncated: false }
}

/** Copies out of the fetch answer, which would otherwise stay in memory as a whole. */
function detached(entry: QuarantineEntry): QuarantineEntry {
  const copy = (bytes: Buffer | null) => (bytes === null ? null : Buffer.from(bytes))
  return { ...entry, key: copy(entry.key), value: copy(entry.value) }
}
