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
import { type ClusterView, createClusterView } from './client/cluster-view.ts'
import { type ClientLog, createKafkaClient, type KafkaConnection } from './client/kafka-client.ts'
import { Refusals, unbelieved } from './client/refusals.ts'
import { GenerationReader } from './fetch/generation-reader.ts'
import { SlicesInHand } from './fetch/slices-in-hand.ts'
import { DEFAULT_TUNING, type KafkaSourceTuning } from './fetch/tuning.ts'
import { createMembership, type Generation, generationOver, type Membership } from './group/membership.ts'
import type { ClusterMetadata } from './protocol/metadata-request.ts'
import { type TopicState, watchSettings } from './topics/settings-watch.ts'

export interface KafkaSourceOptions extends KafkaConnection {
  readonly groupId: string
  readonly topics: readonly string[]
  /** Its settings are watched too; null for workers that write none. */
  readonly quarantineTopic?: string | null
  readonly clock: Clock
  readonly log?: ClientLog
  readonly tuning?: Partial<KafkaSourceTuning>
}

/**
 * Kafka as the engine's source. kafkajs makes the connections; membership, fetching, decoding and committing are
 * done here over them (docs/decisions/kafka-fetch-and-decode.md).
 *
 * While the group rebalances, the partitions of the old generation are read on, because the store excludes: a slow
 * member must not make the others stand still. Partitions that this member keeps go on where they are. After
 * `quiesce` new generations are not announced any more.
 */
export function createKafkaSource(options: KafkaSourceOptions): Source {
  return new KafkaSource(options)
}

interface Current {
  readonly generation: Generation
  /** Aborts when another generation has begun. */
  readonly over: AbortController
  /** The group is joined anew, or the member has lost its place: commits of this generation are refused. */
  isRefused: boolean
  reader: GenerationReader | null
  refs: ReadonlyMap<string, PartitionRef>
}

/** Stands for the id of a topic that does not exist. */
const NO_TOPIC_ID = '00000000-0000-0000-0000-000000000000'

class KafkaSource implements Source {
  readonly #options: KafkaSourceOptions
  readonly #tuning: KafkaSourceTuning
  readonly #membership: Membership
  readonly #view: ClusterView
  readonly #inHand: SlicesInHand
  readonly #closed = new AbortController()
  /** Topics whose partitions must not be read now, and why. */
  readonly #failedTopics = new Map<string, DaybookError>()
  /** What is wrong with each topic. */
  readonly #concerns = new Map<string, DaybookError | null>()
  #groupRefused: DaybookError | null = null
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
        over: () => {
          if (this.#current !== null) this.#current.isRefused = true
        },
        begun: (generation) => this.#queueBegin(generation),
        trouble: (error) => this.#membershipTrouble(error),
        crashed: (error) => this.#crash(error),
      },
    })
    this.#inHand = new SlicesInHand(options.clock)
    this.#view = createClusterView(this.#membership.cluster)
  }

  async start(listener: SourceListener): Promise<void> {
    this.#listener = listener
    await this.#membership.join()
    const { clock, topics, quarantineTopic = null } = this.#options
    watchSettings({
      view: this.#view,
      ...{ clock, topics, quarantineTopic, everyMs: this.#tuning.settingsCheckMs },
      readingId: (topic) => this.#refsOf(topic)[0]?.topicId,
      signal: this.#closed.signal,
      onState: (topic, state) => this.#topicState(topic, state),
      onTrouble: (error) => this.#tell(error, 'watch of topic settings'),
    })
  }

  read(generation: number, partition: PartitionRef, position: bigint): void {
    const current = this.#current
    if (current?.generation.number !== generation || !current.refs.has(partitionKey(partition))) return
    current.reader?.read(partition, position)
  }

  release(partition: PartitionRef): void {
    this.#current?.reader?.release(partition)
  }

  async commit(
    generation: number,
    marks: ReadonlyMap<PartitionRef, CommitMark>,
  ): Promise<ReadonlyMap<PartitionRef, DaybookError>> {
    const current = this.#current
    const { groupId } = this.#options
    if (current === null || current.isRefused || current.generation.number !== generation) {
      throw generationOver(groupId)
    }
    for (const ref of marks.keys()) {
      if (!current.refs.has(partitionKey(ref))) throw generationOver(groupId)
    }
    const entries = [...marks].map(([{ topic, partition }, { position, note }]) => ({
      ...{ topic, partition, next: position },
      ...(note === null ? {} : { note }),
    }))
    if (entries.length === 0) return new Map()
    const failures = await this.#membership.commit(current.generation.group, entries)
    return new Map(
      failures.flatMap(({ topic, partition, error }) =>
        [...marks.keys()]
          .filter((ref) => ref.topic === topic && ref.partition === partition)
          .map((ref) => [ref, error] as const),
      ),
    )
  }

  async facts(partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, PartitionFacts>> {
    try {
      const answers = await this.#view.facts(this.#options.groupId, partitions)
      return new Map(partitions.map((ref) => [partitionKey(ref), this.#factsOf(ref, answers)]))
    } catch (error) {
      throw unbelieved(clientError(error, `partitions of group ${this.#options.groupId}`))
    }
  }

  async bounds(partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, LogBounds>> {
    try {
      const answers = await this.#view.eachBounds(partitions)
      return new Map(
        [...answers].flatMap(([key, answer]) => {
          if (!answer.ok) return []
          const { logStart, logEnd, readableEnd } = answer
          return [[key, { logStart, logEnd, readableEnd }]]
        }),
      )
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
    this.#closed.abort()
    if (this.#current !== null) this.#current.isRefused = true
    this.#current?.over.abort()
    await this.#membership.leave()
  }

  #tell(error: DaybookError | null, what: string): void {
    if (error !== null) this.#options.log?.warn({ err: error }, `${what}: it is tried again`)
  }

  #crash(error: unknown): void {
    if (this.#isCrashed) return
    this.#isCrashed = true
    this.#closed.abort()
    this.#current?.over.abort()
    this.#listener?.crashed(error)
  }

  #refsOf(topic: string): readonly PartitionRef[] {
    return [...(this.#current?.refs.values() ?? [])].filter((ref) => ref.topic === topic)
  }

  #topicState(topic: string, state: TopicState): void {
    const error = state.kind === 'ok' ? null : state.error
    for (const { message } of state.warnings) this.#options.log?.warn({ topic }, message)
    this.#concerns.set(topic, error)
    this.#tellConcern(topic)
    if (state.kind !== 'failed') {
      this.#failedTopics.delete(topic)
      return
    }
    this.#failedTopics.set(topic, state.error)
    const current = this.#current
    if (current === null) return
    for (const ref of this.#refsOf(topic)) {
      current.reader?.release(ref)
      this.#listener?.partitionFailed(current.generation.number, ref, state.error)
    }
    // The new topic has other partitions of the same names: the group assigns them anew.
    if (state.error.code === 'DAYBOOK_KAFKA_TOPIC_RECREATED') this.#membership.requestRejoin()
  }

  /** A group that takes no member delivers nothing and has no partition that could say so: its topics do. */
  #membershipTrouble(error: DaybookError | null): void {
    this.#tell(error, `membership in group ${this.#options.groupId}`)
    const refused = error?.code === 'DAYBOOK_KAFKA_GROUP_REFUSED' ? error : null
    if ((refused === null) === (this.#groupRefused === null)) return
    this.#groupRefused = refused
    for (const topic of this.#options.topics) this.#tellConcern(topic)
  }

  #tellConcern(topic: string): void {
    this.#listener?.topicConcern(topic, this.#groupRefused ?? this.#concerns.get(topic) ?? null)
  }

  #factsOf(ref: PartitionRef, answers: Awaited<ReturnType<ClusterView['facts']>>): PartitionFacts {
    const failed = this.#failedTopics.get(ref.topic)
    // A topic made anew is another topic under this ref's new id: what failed was the old one.
    if (failed !== undefined && failed.code !== 'DAYBOOK_KAFKA_TOPIC_RECREATED')
      return { ok: false, error: failed }
    const answer = answers.get(partitionKey(ref))
    if (answer === undefined) throw new RangeError(`no answer about ${ref.topic}/${ref.partition}`)
    if (!answer.ok) return { ok: false, error: unbelieved(answer.error) }
    const { logStart, logEnd, readableEnd, committed, note } = answer
    const mark = committed === null ? null : { position: committed, note: note === '' ? null : note }
    return { ok: true, logStart, logEnd, readableEnd, committed: mark }
  }

  #queueBegin(generation: Generation): void {
    this.#begins = this.#begins
      .then(() => this.#begin(generation))
      .catch((error: unknown) => {
        if (!this.#closed.signal.aborted) this.#crash(error)
      })
  }

  /** The partitions of the generation before are read on until Kafka has said what there is to know of the new ones. */
  async #begin(generation: Generation): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#closed
    const listener = this.#listener
    if (signal.aborted || this.#isQuiet || listener === null) return
    const before = this.#current
    const policy = { ...DEFAULT_RETRY, maxDelayMs: 2_000 }
    const refusals = new Refusals()
    const ask = () => this.#assigned(generation, before, refusals)
    const assigned = await retry(ask, { clock, signal, policy })
    if (signal.aborted || this.#isQuiet) return
    const refs = assigned.map(({ partition }) => partition)
    const over = new AbortController()
    const current: Current = {
      ...{ generation, over, isRefused: false },
      reader: null,
      refs: new Map(refs.map((ref) => [partitionKey(ref), ref])),
    }
    current.reader = this.#newReader(current, listener)
    const kept = assigned.filter(({ facts }) => facts === 'kept').map(({ partition }) => partition)
    // From here on without a pause: what the old reader hands over belongs to the old generation or to the new one.
    if (before?.reader != null) current.reader.takeOver(before.reader, kept)
    this.#current = current
    listener.assigned(generation.number, assigned, over.signal)
    before?.over.abort()
  }

  #newReader(current: Current, listener: SourceListener): GenerationReader {
    const { number } = current.generation
    return new GenerationReader({
      generation: number,
      refs: [...current.refs.values()],
      view: this.#view,
      clock: this.#options.clock,
      inHand: this.#inHand,
      limits: { ...this.#tuning, minBytes: 1, maxBytes: this.#tuning.maxFetchBytes },
      leaderCheckMs: this.#tuning.metadataMaxAgeMs,
      signal: AbortSignal.any([current.over.signal, this.#closed.signal]),
      handOver: (batch) => listener.batch(batch),
      onPartitionFailure: (ref, error) => listener.partitionFailed(number, ref, error),
      onFailure: (error) => this.#crash(error),
    })
  }

  /** What Kafka says of the partitions of a generation. Those that were this member's all along are not asked for. */
  async #assigned(
    { assignment, isNext }: Generation,
    before: Current | null,
    refusals: Refusals,
  ): Promise<AssignedPartition[]> {
    try {
      const metadata = await this.#view.metadata([...assignment.keys()])
      const refs = [...assignment].flatMap(([topic, partitions]) => {
        const topicId = topicIdIn(metadata, topic) ?? this.#refsOf(topic)[0]?.topicId ?? NO_TOPIC_ID
        return partitions.map((partition) => ({ topic, topicId, partition }))
      })
      const isKept = (ref: PartitionRef) => isNext && before?.refs.has(partitionKey(ref)) === true
      const facts = await this.facts(refs.filter((ref) => !isKept(ref)))
      return refs.map((partition) => ({ partition, facts: facts.get(partitionKey(partition)) ?? 'kept' }))
    } catch (error) {
      const failure = clientError(error, `partitions of group ${this.#options.groupId}`)
      if (refusals.believes(failure)) throw failure
      // Nothing can begin before this is known, so it is asked again whatever the answer was.
      throw new DaybookError(failure.code, failure.message, { retryable: true, cause: failure })
    }
  }
}

/** Null where the broker cannot say it now: a topic that was read goes on under the id that it had. */
function topicIdIn(metadata: ClusterMetadata, topic: string): string | null {
  const found = metadata.topics.find((candidate) => candidate.topic === topic)
  return found === undefined || found.errorCode !== 0 ? null : found.topicId
}
