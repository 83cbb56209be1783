import { randomUUID } from 'node:crypto'
import type {
  AssignedPartition,
  Gap,
  PartitionFacts,
  PartitionRef,
  Source,
  SourceBatch,
  SourceListener,
  SourceRecord,
} from '../../../consumers/engine/contracts.ts'
import { createKafkaSource, type KafkaSourceOptions } from '../../../consumers/kafka/source.ts'
import { systemClock } from '../../../runtime/clock.ts'
import type { DaybookError } from '../../../schemas/errors.ts'

export interface Generation {
  readonly number: number
  readonly partitions: readonly AssignedPartition[]
  readonly signal: AbortSignal
}

/** A partition that may be read, with what Kafka says of it. */
export type Readable = { readonly partition: PartitionRef } & Extract<PartitionFacts, { readonly ok: true }>

export interface CollectorOptions {
  /** Where to start; the committed offset or the log start when not given. */
  readonly position?: (partition: Readable) => bigint
  /** Nothing is read before it has ended. */
  readonly onAssigned?: (generation: Generation) => Promise<void>
  readonly onBatch?: (batch: SourceBatch) => Promise<void>
}

/** A listener that takes everything in and keeps it. */
export class Collector implements SourceListener {
  readonly generations: Generation[] = []
  readonly batches: SourceBatch[] = []
  /** Of single partitions. */
  readonly failures: { readonly partition: PartitionRef; readonly error: unknown }[] = []
  readonly concerns: { readonly topic: string; readonly code: string | null }[] = []
  readonly crashes: unknown[] = []
  /** Told when there is a source to read from. */
  source: Source | null = null
  readonly #options: CollectorOptions
  readonly #waiting = new Set<() => void>()

  constructor(options: CollectorOptions = {}) {
    this.#options = options
  }

  assigned(number: number, partitions: readonly AssignedPartition[], signal: AbortSignal): void {
    const generation = { number, partitions, signal }
    this.generations.push(generation)
    this.#changed()
    void this.#begin(generation)
  }

  async #begin(generation: Generation): Promise<void> {
    await this.#options.onAssigned?.(generation)
    const position = this.#options.position ?? (({ committed, logStart }) => committed?.position ?? logStart)
    for (const { partition, facts } of generation.partitions) {
      if (facts === 'kept') continue
      if (facts.ok) this.source?.read(generation.number, partition, position({ partition, ...facts }))
      else this.partitionFailed(generation.number, partition, facts.error)
    }
  }

  partitionFailed(_generation: number, partition: PartitionRef, error: unknown): void {
    this.failures.push({ partition, error })
    this.#changed()
  }

  topicConcern(topic: string, error: DaybookError | null): void {
    this.concerns.push({ topic, code: error?.code ?? null })
    this.#changed()
  }

  async batch(batch: SourceBatch): Promise<void> {
    await this.#options.onBatch?.(batch)
    this.batches.push(batch)
    this.#changed()
  }

  crashed(error: unknown): void {
    this.crashes.push(error)
    this.#changed()
  }

  of(partition: number): readonly SourceBatch[] {
    return this.batches.filter((batch) => batch.partition.partition === partition)
  }

  records(partition = 0): readonly SourceRecord[] {
    return this.of(partition).flatMap(({ records }) => records)
  }

  gaps(partition = 0): readonly Gap[] {
    return this.of(partition).flatMap(({ gaps }) => gaps)
  }

  values(partition = 0): readonly (string | undefined)[] {
    return this.records(partition).map(({ value }) => value?.toString('utf8'))
  }

  /** The last offset that was covered; -1 when there is none. */
  covered(partition = 0): bigint {
    return this.of(partition).at(-1)?.last ?? -1n
  }

  assignment(): readonly number[] {
    return (this.generations.at(-1)?.partitions ?? []).map(({ partition }) => partition.partition).toSorted()
  }

  ref(partition = 0): PartitionRef {
    const found = this.generations
      .at(-1)
      ?.partitions.find((assigned) => assigned.partition.partition === partition)
    if (found === undefined) throw new Error(`partition ${partition} is not assigned`)
    return found.partition
  }

  /** Resolves when `isTrue`; it is asked after each call of the source. */
  until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const ask = () => {
        if (!isTrue()) return
        this.#waiting.delete(ask)
        resolve()
      }
      this.#waiting.add(ask)
      ask()
    })
  }

  #changed(): void {
    for (const ask of [...this.#waiting]) ask()
  }
}

/** True when records and gaps of each batch cover it exactly, and batches follow each other without a hole. */
export function coversExactly(batches: readonly SourceBatch[]): boolean {
  return holesIn(batches)?.length === 0
}

/**
 * The offsets that neither record nor gap accounts for. Null where batches do not follow each other, or what is in one
 * lies outside of it or accounts for an offset twice.
 */
export function holesIn(batches: readonly SourceBatch[]): readonly bigint[] | null {
  const holes: bigint[] = []
  let next = batches[0]?.first ?? 0n
  const passTo = (offset: bigint) => {
    for (; next < offset; next++) holes.push(next)
  }
  for (const { first, last, records, gaps } of batches) {
    if (first !== next) return null
    const spans = [
      ...records.map(({ offset }) => ({ first: offset, last: offset })),
      ...gaps.map((gap) => ({ first: gap.first, last: gap.last })),
    ].toSorted((a, b) => (a.first < b.first ? -1 : 1))
    for (const span of spans) {
      if (span.first < next || span.last < span.first || span.last > last) return null
      passTo(span.first)
      next = span.last + 1n
    }
    passTo(last + 1n)
  }
  return holes
}

export interface Running {
  readonly source: Source
  readonly collector: Collector
  readonly groupId: string
}

/** A source of its own group, joined and feeding. */
export async function startSource(
  brokers: readonly string[],
  topic: string,
  collector: Collector = new Collector(),
  options: Partial<KafkaSourceOptions> = {},
): Promise<Running> {
  const groupId = options.groupId ?? `kafka-contract.${randomUUID()}`
  const source = createKafkaSource({
    brokers,
    topics: [topic],
    groupId,
    clock: systemClock,
    ...options,
  })
  collector.source = source
  await source.start(collector)
  return { source, collector, groupId }
}
