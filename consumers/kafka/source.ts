import type { Clock } from '../../runtime/clock.ts'
import { DEFAULT_RETRY, retry } from '../../runtime/retry.ts'
import { DaybookError } from '../../schemas/errors.ts'
import {
  type AssignedPartition,
  type CommitMark,
  type LogBounds,
  type PartitionFacts,
  type PartitionRef,
  partitionKey,
  type Source,
  type SourceListener,
} from '../engine/contracts.ts'
import { clientError } from './client/broker-errors.ts'
import { type ClusterView, createClusterView, requireTopic } from './client/cluster-view.ts'
import { type ClientLog, createKafkaClient, type KafkaConnection } from './client/kafka-client.ts'
import { GenerationReader } from './fetch/generation-reader.ts'
import { DEFAULT_TUNING, type KafkaSourceTuning } from './fetch/tuning.ts'
import { createMembership, type Generation, generationOver, type Membership } from './group/membership.ts'
import type { ClusterMetadata } from './protocol/metadata-request.ts'
import { topicRecreated } from './topics/topic-recreated.ts'

export interface KafkaSourceOptions extends KafkaConnection {
  readonly groupId: string
  readonly topics: readonly string[]
  readonly clock: Clock
  readonly log?: ClientLog
  readonly tuning?: Partial<KafkaSourceTuning>
}

/**
 * Kafka as the engine's source. kafkajs keeps the membership of the group; fetching, decoding and committing are
 * done here over its connections (docs/decisions: why).
 *
 * A new generation begins with nothing paused. After `quiesce` new generations are not announced any more.
 */
export function createKafkaSource(options: KafkaSourceOptions): Source {
  return new KafkaSource(options)
}

interface Current {
  readonly generation: Generation
  readonly over: AbortController
  reader: GenerationReader | null
  keys: ReadonlySet<string>
}

/** Stands for the id of a topic that does not exist. */
const NO_TOPIC_ID = '00000000-0000-0000-0000-000000000000'

class KafkaSource implements Source {
  readonly #options: KafkaSourceOptions
  readonly #tuning: KafkaSourceTuning
  readonly #membership: Membership
  readonly #view: ClusterView
  #listener: SourceListener | null = null
  #current: Current | null = null
  #begins: Promise<void> = Promise.resolve()
  #isQuiet = false
  #isCrashed = false

  constructor(options: KafkaSourceOptions) {
    this.#options = options
    this.#tuning = { ...DEFAULT_TUNING, ...options.tuning }
    this.#membership = createMembership({
      kafka: createKafkaClient(options, options.log),
      groupId: options.groupId,
      topics: options.topics,
      clock: options.clock,
      ...this.#tuning,
      events: {
        over: () => this.#current?.over.abort(),
        begun: (generation) => this.#queueBegin(generation),
        crashed: (error) => this.#crash(error),
      },
    })
    this.#view = createClusterView(this.#membership.cluster)
  }

  async start(listener: SourceListener): Promise<void> {
    this.#listener = listener
    await this.#membership.join()
  }

  read(generation: number, partition: PartitionRef, position: bigint): void {
    const current = this.#current
    if (current?.generation.number !== generation || !current.keys.has(partitionKey(partition))) return
    current.reader?.read(partition, position)
  }

  release(partition: PartitionRef): void {
    this.#current?.reader?.release(partition)
  }

  async commit(generation: number, marks: ReadonlyMap<PartitionRef, CommitMark>): Promise<void> {
    const current = this.#current
    const { groupId } = this.#options
    if (current === null || current.over.signal.aborted || current.generation.number !== generation) {
      throw generationOver(groupId)
    }
    for (const ref of marks.keys()) {
      if (!current.keys.has(partitionKey(ref))) throw generationOver(groupId)
    }
    const entries = [...marks].map(([{ topic, partition }, { position, note }]) => ({
      ...{ topic, partition, note },
      next: position,
    }))
    if (entries.length > 0) await this.#membership.commit(current.generation.group, entries)
  }

  async facts(partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, PartitionFacts>> {
    try {
      const topics = [...new Set(partitions.map(({ topic }) => topic))]
      return await this.#factsOf(partitions, await this.#view.metadata(topics))
    } catch (error) {
      throw clientError(error, `partitions of group ${this.#options.groupId}`)
    }
  }

  async bounds(partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, LogBounds>> {
    try {
      const answers = await this.#view.eachBounds(partitions)
      return new Map([...answers].flatMap(([key, answer]) => ('logEnd' in answer ? [[key, answer]] : [])))
    } catch (error) {
      throw clientError(error, 'log bounds')
    }
  }

  pause(partitions: readonly PartitionRef[]): void {
    this.#current?.reader?.pause(partitions.map(partitionKey))
  }

  resume(partitions: readonly PartitionRef[]): void {
    this.#current?.reader?.resume(partitions.map(partitionKey))
  }

  async quiesce(): Promise<void> {
    this.#isQuiet = true
    this.#current?.reader?.stop()
  }

  async stop(): Promise<void> {
    await this.quiesce()
    this.#current?.over.abort()
    await this.#membership.leave()
  }

  #crash(error: unknown): void {
    if (this.#isCrashed) return
    this.#isCrashed = true
    this.#current?.over.abort()
    this.#listener?.crashed(error)
  }

  #queueBegin(generation: Generation): void {
    const previous = this.#current
    previous?.over.abort()
    const current: Current = { generation, over: new AbortController(), reader: null, keys: new Set() }
    this.#current = current
    this.#begins = this.#begins
      .then(() => previous?.reader?.settled())
      .then(() => this.#begin(current))
      .catch((error: unknown) => {
        if (!current.over.signal.aborted) this.#crash(error)
      })
  }

  async #begin(current: Current): Promise<void> {
    const { signal } = current.over
    const listener = this.#listener
    if (signal.aborted || this.#isQuiet || listener === null) return
    const { clock } = this.#options
    const policy = { ...DEFAULT_RETRY, maxDelayMs: 2_000 }
    const assigned = await retry(() => this.#assigned(current.generation), { clock, signal, policy })
    if (signal.aborted || this.#isQuiet) return
    current.keys = new Set(assigned.map(({ partition }) => partitionKey(partition)))
    const number = current.generation.number
    current.reader = new GenerationReader({
      generation: number,
      refs: assigned.map(({ partition }) => partition),
      view: this.#view,
      clock,
      limits: { ...this.#tuning, minBytes: 1, maxBytes: this.#tuning.maxFetchBytes },
      leaderCheckMs: this.#tuning.metadataMaxAgeMs,
      signal,
      handOver: (batch) => listener.batch(batch),
      onPartitionFailure: (ref, error) => listener.partitionFailed(number, ref, error),
      onFailure: (error) => this.#crash(error),
    })
    listener.assigned(number, assigned, signal)
  }

  /** What Kafka says of the partitions of a generation. */
  async #assigned({ assignment }: Generation): Promise<AssignedPartition[]> {
    try {
      const metadata = await this.#view.metadata([...assignment.keys()])
      const refs = [...assignment].flatMap(([topic, partitions]) => {
        const topicId = topicIdIn(metadata, topic)
        return partitions.map((partition) => ({ topic, topicId, partition }))
      })
      const facts = await this.#factsOf(refs, metadata)
      return refs.flatMap((partition) => {
        const found = facts.get(partitionKey(partition))
        return found === undefined ? [] : [{ partition, facts: found }]
      })
    } catch (error) {
      const failure = clientError(error, `partitions of group ${this.#options.groupId}`)
      if (failure.scope === 'worker') throw failure
      // Nothing can begin before this is known, so it is asked again whatever the answer was.
      throw new DaybookError(failure.code, failure.message, { retryable: true, cause: failure })
    }
  }

  async #factsOf(
    refs: readonly PartitionRef[],
    metadata: ClusterMetadata,
  ): Promise<ReadonlyMap<string, PartitionFacts>> {
    const facts = new Map<string, PartitionFacts>()
    const readable: PartitionRef[] = []
    for (const ref of refs) {
      const error = unreadable(metadata, ref)
      if (error === null) readable.push(ref)
      else facts.set(partitionKey(ref), { ok: false, error })
    }
    const bounds = await this.#view.eachBounds(readable)
    const committed = await this.#view.committed(this.#options.groupId, readable)
    for (const ref of readable) {
      const key = partitionKey(ref)
      const log = bounds.get(key)
      if (log === undefined) continue
      facts.set(
        key,
        'logEnd' in log
          ? { ok: true, ...log, committed: committed.get(key) ?? null }
          : { ok: false, error: log },
      )
    }
    return facts
  }
}

function topicIdIn(metadata: ClusterMetadata, topic: string): string {
  const found = metadata.topics.find((candidate) => candidate.topic === topic)
  return found === undefined || found.errorCode !== 0 ? NO_TOPIC_ID : found.topicId
}

/** Why a partition cannot be read now; null: it can. */
function unreadable(metadata: ClusterMetadata, ref: PartitionRef): unknown {
  try {
    const { topicId } = requireTopic(metadata, ref.topic)
    return topicId === ref.topicId ? null : topicRecreated(ref.topic, ref.topicId, topicId)
  } catch (error) {
    return error
  }
}
