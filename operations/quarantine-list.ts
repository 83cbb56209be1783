import { createHash } from 'node:crypto'
import { createKafkaClient, type KafkaConnection } from '../consumers/kafka/client/kafka-client.ts'
import { openCluster } from '../consumers/kafka/client/open-cluster.ts'
import { readTopic, type TopicRecord } from '../consumers/kafka/fetch/topic-reader.ts'
import { type QuarantineEntry, readQuarantineRecord } from '../consumers/kafka/quarantine/quarantine-entry.ts'

export interface ListQuarantineOptions extends KafkaConnection {
  readonly topic: string
  /** Filled while the entries are read. */
  readonly tally: QuarantineTally
}

/** What the quarantine topic held besides entries. */
export class QuarantineTally {
  /** Records that were read, repeats included. */
  scanned = 0
  /** Records without our headers, and batches that cannot be decoded. */
  foreign = 0
  /** Records whose headers no quarantine writes so. */
  malformed = 0
  /** Where the first of them stand, `partition:offset`, and what is wrong. */
  readonly firstMalformed: { readonly at: string; readonly fault: string }[] = []

  addMalformed(at: string, fault: string): void {
    this.malformed += 1
    if (this.firstMalformed.length < SHOWN_MALFORMED) this.firstMalformed.push({ at, fault })
  }
}

const SHOWN_MALFORMED = 10
/** What our own writer sends is not compressed; brokers may do it. */
const MAX_BATCH_BYTES = 16 * 1024 * 1024
/** Of one partition; a repeat stands in the same one. Beyond it repeats show. */
const MAX_REMEMBERED = 500_000

/**
 * What the quarantine topic holds now, copies of one entry once, in bounded memory whatever somebody has written
 * there. An entry's bytes are views: copy what is kept. Joins no group and commits nothing.
 */
export async function* listQuarantine({
  topic,
  tally,
  ...connection
}: ListQuarantineOptions): AsyncGenerator<QuarantineEntry> {
  const cluster = await openCluster(createKafkaClient(connection))
  const options = { maxBatchBytes: MAX_BATCH_BYTES, onUndecodable: () => void tally.foreign++ }
  const seen = new Seen()
  try {
    for await (const found of readTopic(cluster.view, topic, options)) {
      for (const entry of entriesOf(found, tally)) if (seen.isNew(found, entry)) yield entry
    }
  } finally {
    await cluster.close()
  }
}

function entriesOf({ partition, record }: TopicRecord, tally: QuarantineTally): readonly QuarantineEntry[] {
  tally.scanned += 1
  const read = readQuarantineRecord(record)
  if (read.kind === 'entries') return read.entries
  if (read.kind === 'foreign') tally.foreign += 1
  else tally.addMalformed(`${partition.partition}:${record.offset}`, read.fault)
  return []
}

/** Copies have the same place and the same bytes: an entry that only has the same place hides no other. */
class Seen {
  #partition = -1
  readonly #digests = new Set<string>()

  isNew({ partition: { partition } }: TopicRecord, entry: QuarantineEntry): boolean {
    if (partition !== this.#partition || this.#digests.size >= MAX_REMEMBERED) this.#digests.clear()
    this.#partition = partition
    const { partition: of, first, kind, reference, bytes } = entry
    const digest = createHash('sha256')
      .update(`${of.topic}:${of.topicId}:${of.partition}:${first}:${kind}:${reference?.sha256 ?? ''}:`)
      .update(bytes ?? 'null')
      .digest('base64')
      .slice(0, 24)
    const isNew = !this.#digests.has(digest)
    this.#digests.add(digest)
    return isNew
  }
}
