import { DaybookError } from '../../../schemas/errors.ts'
import type { BadBatch, PartitionRef, Quarantine, Quarantined } from '../../engine/contracts.ts'
import { type ClientLog, createKafkaClient, type KafkaConnection } from '../client/kafka-client.ts'
import { createRecordSender, type RecordSender } from '../client/record-sender.ts'
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

/** What one `put` is going to write. */
class Plan {
  readonly messages: QuarantineMessage[] = []
  references = 0
  /** Of what is not a reference. */
  keptBytes = 0
  isOverBudget = false
  readonly #budgetLeft: number

  constructor(budgetLeft: number) {
    this.#budgetLeft = budgetLeft
  }

  /** False, and nothing is added, where the budget is used up. */
  keep(message: QuarantineMessage): boolean {
    const bytes = messageBytes(message)
    if (this.keptBytes + bytes > this.#budgetLeft) {
      this.isOverBudget = true
      return false
    }
    this.messages.push(message)
    this.keptBytes += bytes
    return true
  }

  /** One message that stands for `entries` batches or records. */
  refer(message: QuarantineMessage | null, entries: number): void {
    if (message === null) return
    this.messages.push(message)
    this.references += entries
  }
}

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
  /** A batch whose bad records fall into two ranges, or whose delivery is tried again, is written once. */
  readonly #written = new WeakSet<BadBatch>()

  constructor(options: QuarantineOptions) {
    const kafka = createKafkaClient(options, options.log, 'short')
    const now = options.now ?? Date.now
    this.#options = options
    this.#sender = createRecordSender(kafka)
    this.#limit = new MessageLimit(kafka, options.topic, now)
    this.#budgetBytes = options.budgetBytes ?? DEFAULT_BUDGET_BYTES
    this.#budget = new ByteBudget({ bytes: this.#budgetBytes, windowMs: HOUR_MS, now })
  }

  async put(partition: PartitionRef, items: readonly Quarantined[]): Promise<void> {
    const batches = new Set<BadBatch>()
    for (const item of items)
      if (item.kind === 'batch' && !this.#written.has(item.batch)) batches.add(item.batch)
    const records = items.filter((item) => item.kind === 'record')
    if (batches.size + records.length === 0) return
    const plan = await this.#send(partition, [...batches], records)
    for (const batch of batches) this.#written.add(batch)
    this.#tell(partition, plan, { batches: batches.size, records: records.length })
  }

  async close(): Promise<void> {
    await this.#sender.close()
  }

  async #send(
    partition: PartitionRef,
    batches: readonly BadBatch[],
    records: readonly BadItem[],
  ): Promise<Plan> {
    for (let maxBytes = await this.#limit.bytes(); ; maxBytes = 0) {
      const plan = this.#plan(partition, batches, records, maxBytes)
      try {
        // One by one: the limit of the topic is one for what goes to a partition in one request.
        for (const message of plan.messages) await this.#sender.send(this.#options.topic, [message])
        return plan
      } catch (error) {
        if (maxBytes === 0 || !isTooLarge(error)) throw error
        // The limit was lowered, or cannot be read: references always fit.
        this.#limit.forget()
      }
    }
  }

  #plan(
    partition: PartitionRef,
    batches: readonly BadBatch[],
    records: readonly BadItem[],
    maxBytes: number,
  ): Plan {
    const plan = new Plan(this.#budget.left(partition))
    const beyond: BadBatch[] = []
    for (const shared of packed(batches, Math.min(MAX_SHARED_BYTES, maxBytes / 2))) {
      const message = batchesMessage(partition, shared, maxBytes)
      if (message === null) plan.refer(batchesReference(partition, shared), shared.length)
      else if (!plan.keep(message)) beyond.push(...shared)
    }
    plan.refer(batchesReference(partition, beyond), beyond.length)
    for (const record of records) {
      const message = recordMessage(partition, record, maxBytes)
      if (message === null || !plan.keep(message)) plan.refer(recordReference(partition, record), 1)
    }
    return plan
  }

  #tell(partition: PartitionRef, plan: Plan, counts: Pick<Written, 'batches' | 'records'>): void {
    const { observer } = this.#options
    this.#budget.spend(partition, plan.keptBytes)
    const bytes = plan.messages.reduce((sum, message) => sum + messageBytes(message), 0)
    observer?.written(partition, { ...counts, bytes, references: plan.references })
    if (plan.isOverBudget && this.#budget.reportOnce(partition))
      observer?.overBudget(partition, this.#budgetBytes)
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
