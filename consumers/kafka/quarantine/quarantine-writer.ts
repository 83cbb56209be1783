import { DaybookError } from '../../../schemas/errors.ts'
import type { BadBatch, PartitionRef, Quarantine, Quarantined } from '../../engine/contracts.ts'
import { type ClientLog, createKafkaClient, type KafkaConnection } from '../client/kafka-client.ts'
import { createRecordSender, type RecordSender } from '../client/record-sender.ts'
import { unbelieved } from '../client/refusals.ts'
import { ByteBudget } from './byte-budget.ts'
import { MessageLimit } from './message-limit.ts'
import {
  type BadItem,
  batchesMessage,
  batchesReference,
  messageBytes,
  type QuarantineMessage,
  recordMessage,
  recordReference,
} from './quarantine-message.ts'
import { WrittenBatches } from './written-batches.ts'

export interface QuarantineOptions extends KafkaConnection {
  readonly topic: string
  readonly log?: ClientLog
  readonly now?: () => number
  /** Bytes an hour and partition that are kept whole; what is beyond is kept as a reference. */
  readonly budgetBytes?: number
  readonly observer?: QuarantineObserver
}

/** Called synchronously: must be cheap and must not throw. */
export interface QuarantineObserver {
  /** Written durably: so many bytes, keys and headers included, of which so many entries are only references. */
  written(partition: PartitionRef, written: Written): void
  /** Bad input beyond the budget; once in each hour of it. */
  overBudget(partition: PartitionRef, budgetBytes: number): void
}

export interface Written {
  readonly batches: number
  readonly records: number
  readonly bytes: number
  readonly references: number
}

export interface QuarantineWriter extends Quarantine {
  close(): Promise<void>
}

export const DEFAULT_BUDGET_BYTES = 64 * 1024 * 1024
const HOUR_MS = 3_600_000
/** Small batches share a message up to this, because key and headers may be larger than they. */
const MAX_SHARED_BYTES = 512 * 1024

/**
 * Bad input goes to a topic: record batches as they came, once for each however many of their records are bad
 * (docs/formats/quarantine.md). Readers count distinct keys, so a `put` that is repeated after a crash changes nothing.
 */
export function createQuarantineWriter(options: QuarantineOptions): QuarantineWriter {
  return new TopicWriter(options)
}

class TopicWriter implements QuarantineWriter {
  readonly #options: QuarantineOptions
  readonly #sender: RecordSender
  readonly #limit: MessageLimit
  readonly #budget: ByteBudget
  readonly #budgetBytes: number
  readonly #written = new WrittenBatches()

  constructor(options: QuarantineOptions) {
    const kafka = createKafkaClient(options, options.log, 'short')
    const now = options.now ?? Date.now
    this.#options = options
    this.#sender = createRecordSender(kafka)
    this.#limit = new MessageLimit(kafka, options.topic, now)
    this.#budgetBytes = options.budgetBytes ?? DEFAULT_BUDGET_BYTES
    this.#budget = new ByteBudget({ bytes: this.#budgetBytes, windowMs: HOUR_MS, now })
  }

  /** One message after the other, each made when its turn comes: together they can be as large as a range. */
  async put(partition: PartitionRef, items: readonly Quarantined[]): Promise<void> {
    const batches = new Set(items.flatMap((item) => (item.kind === 'batch' ? [item.batch] : [])))
    const open = [...batches].filter((batch) => !this.#written.has(partition, batch))
    await this.#putBatches(partition, open)
    for (const item of items) if (item.kind === 'record') await this.#putRecord(partition, item)
  }

  async close(): Promise<void> {
    await this.#sender.close()
  }

  async #putBatches(partition: PartitionRef, batches: readonly BadBatch[]): Promise<void> {
    if (batches.length === 0) return
    const beyond: BadBatch[] = []
    for (const shared of packed(batches, Math.min(MAX_SHARED_BYTES, (await this.#limit.bytes()) / 2))) {
      const bytes = await this.#keep(partition, (maxBytes) => batchesMessage(partition, shared, maxBytes))
      if (bytes === 'over budget') beyond.push(...shared)
      else if (bytes === 'too large') await this.#referToBatches(partition, shared)
      else {
        this.#written.add(partition, shared)
        this.#tell(partition, { batches: shared.length, records: 0, bytes, references: 0 })
      }
    }
    await this.#referToBatches(partition, beyond)
  }

  async #referToBatches(partition: PartitionRef, batches: readonly BadBatch[]): Promise<void> {
    const message = batchesReference(partition, batches)
    if (message === null) return
    await this.#send(message)
    this.#written.add(partition, batches)
    const count = batches.length
    this.#tell(partition, { batches: count, records: 0, bytes: messageBytes(message), references: count })
  }

  async #putRecord(partition: PartitionRef, record: BadItem): Promise<void> {
    const kept = await this.#keep(partition, (maxBytes) => recordMessage(partition, record, maxBytes))
    if (typeof kept === 'number') {
      this.#tell(partition, { batches: 0, records: 1, bytes: kept, references: 0 })
      return
    }
    const message = recordReference(partition, record)
    await this.#send(message)
    this.#tell(partition, { batches: 0, records: 1, bytes: messageBytes(message), references: 1 })
  }

  /** Writes it whole, where the topic's limit and the partition's budget allow that; gives its bytes. */
  async #keep(
    partition: PartitionRef,
    make: (maxBytes: number) => QuarantineMessage | null,
  ): Promise<number | 'too large' | 'over budget'> {
    const message = make(await this.#limit.bytes())
    if (message === null) return 'too large'
    const bytes = messageBytes(message)
    if (bytes > this.#budget.left(partition)) {
      const { observer } = this.#options
      if (this.#budget.reportOnce(partition)) observer?.overBudget(partition, this.#budgetBytes)
      return 'over budget'
    }
    try {
      await this.#send(message)
    } catch (error) {
      if (!isTooLarge(error)) throw error
      // The limit was lowered, or cannot be read.
      this.#limit.forget()
      return 'too large'
    }
    this.#budget.spend(partition, bytes)
    return bytes
  }

  /** Alone in its request: the limit of the topic is one for what goes to a partition in one request. */
  async #send(message: QuarantineMessage): Promise<void> {
    try {
      await this.#sender.send(this.#options.topic, [message])
    } catch (error) {
      throw error instanceof DaybookError ? unbelieved(error) : error
    }
  }

  #tell(partition: PartitionRef, written: Written): void {
    this.#options.observer?.written(partition, written)
  }
}

/** In order; a batch that is larger than `maxBytes` stands alone. */
function* packed(batches: readonly BadBatch[], maxBytes: number): Generator<readonly BadBatch[]> {
  let shared: BadBatch[] = []
  let bytes = 0
  for (const batch of batches) {
    if (shared.length > 0 && bytes + batch.bytes.length > maxBytes) {
      yield shared
      shared = []
      bytes = 0
    }
    shared.push(batch)
    bytes += batch.bytes.length
  }
  if (shared.length > 0) yield shared
}

function isTooLarge(error: unknown): boolean {
  return error instanceof DaybookError && error.code === 'DAYBOOK_KAFKA_RECORD_TOO_LARGE'
}
