import type { Clock } from '../../runtime/clock.ts'
import { DEFAULT_RETRY, retry } from '../../runtime/retry.ts'
import { DaybookError } from '../../schemas/errors.ts'
import {
  type AssignedPartition,
  type PartitionRef,
  partitionKey,
  type Source,
  type SourceListener,
} from '../engine/contracts.ts'
import { clientError } from './client/broker-errors.ts'
import { type ClusterView, createClusterView } from './client/cluster-view.ts'
import { type ClientLog, createKafkaClient, type KafkaConnection } from './client/kafka-client.ts'
import { requireTopic, topicRecreated } from './client/topic-metadata.ts'
import { GenerationReader } from './fetch/generation-reader.ts'
import { DEFAULT_TUNING, type KafkaSourceTuning } from './fetch/tuning.ts'
import { createMembership, type Generation, generationOver, type Membership } from './group/membership.ts'

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

class KafkaSource implements Source {
  readonly #options: KafkaSourceOptions
  readonly #tuning: KafkaSourceTuning
  readonly #membership: Membership
  readonly #view: ClusterView
  readonly #topicIds = new Map<string, string>()
  #listener: SourceListener | null = null
  #current: Current | null = null
  #begins: Promise<void> = Promise.resolve()
  #isQuiet = false
  #isCrashed = false

  constructor(options: KafkaSourceOptions) {
    this.#options = options
    this.#tuning = { ...DEFAULT_TUNING, ...options.tuning }
    this.#membership = createMembership({
      kafka: createKafkaClient(options, options.log, 'short'),
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

  async commit(generation: number, next: ReadonlyMap<PartitionRef, bigint>): Promise<void> {
    const current = this.#current
    const { groupId } = this.#options
    if (current === null || current.over.signal.aborted || current.generation.number !== generation) {
      throw generationOver(groupId)
    }
    for (const ref of next.keys()) {
      if (!current.keys.has(partitionKey(ref))) throw generationOver(groupId)
    }
    const entries = [...next].map(([ref, offset]) => ({
      topic: ref.topic,
      partition: ref.partition,
      next: offset,
    }))
    if (entries.length > 0) await this.#membership.commit(current.generation.group, entries)
  }

  async bounds(partitions: readonly PartitionRef[]) {
    try {
      return await this.#view.bounds(partitions)
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
    if (signal.aborted || this.#isQuiet || this.#listener === null) return
    const { clock } = this.#options
    const policy = { ...DEFAULT_RETRY, maxDelayMs: 2_000 }
    const assigned = await retry(() => this.#facts(current.generation), { clock, signal, policy })
    current.keys = new Set(assigned.map(({ partition }) => partitionKey(partition)))
    const listener = this.#listener
    const positions = await listener.assigned(current.generation.number, assigned, signal)
    if (signal.aborted || this.#isQuiet) return
    current.reader = new GenerationReader({
      generation: current.generation.number,
      partitions: starts(assigned, positions),
      view: this.#view,
      clock,
      limits: { ...this.#tuning, minBytes: 1, maxBytes: this.#tuning.maxFetchBytes },
      topicCheckMs: this.#tuning.metadataMaxAgeMs,
      signal,
      handOver: (batch) => listener.batch(batch),
      onFailure: (error) => this.#crash(error),
    })
  }

  /** What Kafka says of the partitions of a generation. */
  async #facts({ assignment }: Generation): Promise<AssignedPartition[]> {
    try {
      const metadata = await this.#view.metadata([...assignment.keys()])
      const refs = [...assignment].flatMap(([topic, partitions]) => {
        const topicId = this.#sameTopicId(topic, requireTopic(metadata, topic).topicId)
        return partitions.map((partition) => ({ topic, topicId, partition }))
      })
      const bounds = await this.#view.bounds(refs)
      const committed = await this.#view.committed(this.#options.groupId, refs)
      return refs.flatMap((partition) => {
        const log = bounds.get(partitionKey(partition))
        return log === undefined
          ? []
          : [{ partition, ...log, committed: committed.get(partitionKey(partition)) ?? null }]
      })
    } catch (error) {
      throw clientError(error, `partitions of group ${this.#options.groupId}`)
    }
  }

  #sameTopicId(topic: string, topicId: string): string {
    const before = this.#topicIds.get(topic) ?? topicId
    if (before !== topicId) throw topicRecreated(topic, before, topicId)
    this.#topicIds.set(topic, topicId)
    return topicId
  }
}

function starts(assigned: readonly AssignedPartition[], positions: ReadonlyMap<string, bigint>) {
  return assigned.map(({ partition: ref }) => {
    const position = positions.get(partitionKey(ref))
    if (position !== undefined) return { ref, position }
    throw new DaybookError(
      'DAYBOOK_KAFKA_NO_POSITION',
      `no position was given for ${ref.topic}/${ref.partition}: a fault of the listener, please report it`,
      { details: { topic: ref.topic, partition: ref.partition } },
    )
  })
}
