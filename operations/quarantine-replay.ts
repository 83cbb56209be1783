import { createHash } from 'node:crypto'
import type { PartitionRef } from '../consumers/engine/contracts.ts'
import type { OutgoingRecord, RecordSender } from '../consumers/kafka/client/record-sender.ts'
import type { QuarantineEntry } from '../consumers/kafka/quarantine/quarantine-entry.ts'
import { FIRST_OFFSET_HEADER } from '../consumers/kafka/quarantine/quarantine-message.ts'
import { DaybookError } from '../schemas/errors.ts'
import { type KafkaOriginals, recordsOf } from './kafka-originals.ts'

/** A record as a store holds it that can be believed. */
export interface OriginalRecord {
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** Finds what the archive holds at a place, of verified objects only. */
export interface ArchiveOriginals {
  /** `isQuarantined`: it was archived as no event. Null where no object covers the place. */
  record(
    partition: PartitionRef,
    offset: bigint,
    appendTime: number | null,
  ): Promise<(OriginalRecord & { readonly isQuarantined: boolean }) | null>
}

export interface ReplayOptions {
  /** Nothing is sent to any other topic, whatever the quarantine says. */
  readonly topics: ReadonlySet<string>
  readonly kafka: KafkaOriginals
  /** Asked for what Kafka no longer holds; null: there is none. */
  readonly archive: ArchiveOriginals | null
  /** Null: everything is looked at and nothing is sent. */
  readonly sender: RecordSender | null
  /** Which of an entry's bad records are wanted. */
  readonly isWanted: (entry: QuarantineEntry, offset: bigint, code: string) => boolean
  readonly onRefused: (refused: Refused) => void
}

/** Records of one entry that are not sent, and why. */
export interface Refused {
  /** Of the first of them, `topic:partition:offset`. */
  readonly key: string
  readonly reason: RefusalReason
  readonly records: number
}

export type RefusalReason = keyof typeof REFUSALS

export const REFUSALS = {
  other_topic: 'the quarantine names a topic that is not one of DAYBOOK_TOPICS',
  whole_batch: 'it is a record batch that could not be taken apart, and no record to send',
  list_cut: 'the list of its bad records was too long to be kept',
  not_held: 'neither Kafka nor a verified archive object holds what stood there',
  other_bytes: 'other bytes stand there than the quarantine says',
  no_bad_record: 'the archive holds an event there',
  too_many: 'there are more bad records than one run sends: narrow it by --topic, --code or --key',
  too_large: 'it is larger than its topic takes uncompressed',
} as const

const CHUNK_RECORDS = 1_000
const CHUNK_BYTES = 512 * 1024
/** Places that were sent in one run, so that copies of an entry do not send a record again. */
const MAX_REMEMBERED = 1_000_000

/**
 * Sends quarantined records again to the topics they came from: key and value as they stand at the original place
 * now, in Kafka or the archive, and only where that is what was quarantined. The quarantine itself is not believed:
 * whoever may write to its topic could name any topic, place and bytes.
 */
export class QuarantineReplay {
  readonly #options: ReplayOptions
  readonly #sentPlaces = new Set<string>()
  #chunk: { readonly record: OutgoingRecord; readonly key: string }[] = []
  #chunkBytes = 0
  #chunkTopic = ''
  /** Acknowledged, or, without sender, found fit to be sent. */
  sent = 0
  refused = 0

  constructor(options: ReplayOptions) {
    this.#options = options
  }

  async replay(entry: QuarantineEntry): Promise<void> {
    const refusal = this.#refusalOf(entry)
    if (refusal !== null) return this.#refuse(entry, refusal, entry.bad.count)
    const look = await this.#lookFor(entry)
    if (look === null) return this.#refuse(entry, 'other_bytes', entry.bad.count)
    const refused = new Map<RefusalReason, { readonly first: bigint; count: number }>()
    for (const offset of wantedOffsets(entry, this.#options.isWanted)) {
      const found = await look(offset)
      const refusal = typeof found === 'string' ? found : await this.#add(entry.partition, offset, found)
      if (refusal === null) continue
      const known = refused.get(refusal) ?? { first: offset, count: 0 }
      known.count += 1
      refused.set(refusal, known)
    }
    for (const [reason, { first, count }] of refused) this.#refuse(entry, reason, count, first)
  }

  /** Sends what is left. Call at the end. */
  async flush(): Promise<void> {
    const { sender } = this.#options
    const chunk = this.#chunk
    this.#chunk = []
    this.#chunkBytes = 0
    if (chunk.length === 0) return
    if (sender === null) this.sent += chunk.length
    else await this.#send(sender, this.#chunkTopic, chunk)
  }

  #refusalOf({ partition, isWhole, bad }: QuarantineEntry): RefusalReason | null {
    if (!this.#options.topics.has(partition.topic)) return 'other_topic'
    if (isWhole) return 'whole_batch'
    if (bad.runs === null) return 'list_cut'
    return bad.count > MAX_REMEMBERED ? 'too_many' : null
  }

  /**
   * How to find a bad record of `entry`; null where the hash of a reference is not that of what Kafka holds, or the
   * list names more records than the batch has.
   */
  async #lookFor(entry: QuarantineEntry): Promise<Look | null> {
    const { kafka, archive } = this.#options
    const { partition, reference, kind, appendTime } = entry
    const hash = reference === null || kind === 'record' ? null : await this.#hashInKafka(entry)
    if (hash !== null && hash !== reference?.sha256) return null
    const quarantined =
      reference === null && kind === 'batch' ? recordsOf(partition, entry.bytes ?? NOTHING) : null
    if (quarantined !== null && quarantined.size < entry.bad.count) return null
    return async (offset) => {
      const inKafka = await kafka.record(partition, offset)
      if (inKafka !== null) return fits(entry, quarantined?.get(offset), inKafka) ? inKafka : 'other_bytes'
      const archived = (await archive?.record(partition, offset, appendTime)) ?? null
      if (archived === null) return 'not_held'
      // Without the bytes, only the archive's own judgement says that it is the bad one.
      if (reference !== null && kind === 'batch' && !archived.isQuarantined) return 'no_bad_record'
      return fits(entry, quarantined?.get(offset), archived) ? archived : 'other_bytes'
    }
  }

  /** SHA-256 of the batches that a reference stands for; null where Kafka does not hold all of them. */
  async #hashInKafka({ partition, reference, first, last }: QuarantineEntry): Promise<string | null> {
    const hash = createHash('sha256')
    for (const span of reference?.spans ?? [{ first, last }]) {
      const batch = await this.#options.kafka.batch(partition, span.first)
      if (batch === null) return null
      hash.update(batch)
    }
    return hash.digest('hex')
  }

  async #add(
    partition: PartitionRef,
    offset: bigint,
    { key, value }: OriginalRecord,
  ): Promise<RefusalReason | null> {
    const place = `${partition.topic}:${partition.partition}:${offset}`
    const id = `${partition.topicId}:${partition.partition}:${offset}`
    if (this.#sentPlaces.has(id)) return null
    if (this.#sentPlaces.size >= MAX_REMEMBERED) return 'too_many'
    this.#sentPlaces.add(id)
    const bytes = (key?.length ?? 0) + (value?.length ?? 0)
    const isFull = this.#chunk.length >= CHUNK_RECORDS || this.#chunkBytes + bytes > CHUNK_BYTES
    if (isFull || this.#chunkTopic !== partition.topic) await this.flush()
    this.#chunkTopic = partition.topic
    this.#chunkBytes += bytes
    // Copies: views would keep whole fetch answers and unpacked batches.
    const record = { key: copied(key), value: copied(value), headers: { [FIRST_OFFSET_HEADER]: place } }
    this.#chunk.push({ record, key: place })
    return null
  }

  async #send(sender: RecordSender, topic: string, chunk: readonly Queued[]): Promise<void> {
    try {
      await sender.send(
        topic,
        chunk.map(({ record }) => record),
      )
      this.sent += chunk.length
    } catch (error) {
      if (!(error instanceof DaybookError) || error.code !== 'DAYBOOK_KAFKA_RECORD_TOO_LARGE') throw error
      const [only] = chunk
      if (chunk.length > 1) for (const one of chunk) await this.#send(sender, topic, [one])
      else if (only !== undefined) this.#tell({ key: only.key, reason: 'too_large', records: 1 })
    }
  }

  #refuse({ partition, first }: QuarantineEntry, reason: RefusalReason, records: number, at = first): void {
    this.#tell({ key: `${partition.topic}:${partition.partition}:${at}`, reason, records })
  }

  #tell(refused: Refused): void {
    this.refused += refused.records
    this.#options.onRefused(refused)
  }
}

type Queued = { readonly record: OutgoingRecord; readonly key: string }
type Look = (offset: bigint) => Promise<OriginalRecord | RefusalReason>

const NOTHING = Buffer.alloc(0)

function* wantedOffsets(entry: QuarantineEntry, isWanted: ReplayOptions['isWanted']): Generator<bigint> {
  for (const { first, last, code } of entry.bad.runs?.() ?? [])
    for (let offset = first; offset <= last; offset++) if (isWanted(entry, offset, code)) yield offset
}

/** Whether the original is what the quarantine holds. A reference to batches was compared by its hash before. */
function fits(
  { kind, reference, key, bytes }: QuarantineEntry,
  quarantined: OriginalRecord | undefined,
  original: OriginalRecord,
): boolean {
  if (kind === 'batch')
    return reference !== null || (quarantined !== undefined && isSame(quarantined, original))
  if (reference === null) return isSame({ key, value: bytes }, original)
  return (
    createHash('sha256')
      .update(original.value ?? NOTHING)
      .digest('hex') === reference.sha256
  )
}

function isSame(a: OriginalRecord, b: OriginalRecord): boolean {
  const equal = (one: Buffer | null, other: Buffer | null) =>
    one === null || other === null ? one === other : one.equals(other)
  return equal(a.key, b.key) && equal(a.value, b.value)
}

function copied(bytes: Buffer | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes)
}
