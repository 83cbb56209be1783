import { backoffMs } from '../../../runtime/backoff.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { DEFAULT_RETRY } from '../../../runtime/retry.ts'
import { isRetryable } from '../../../schemas/errors.ts'
import { type PartitionRef, partitionKey, type SourceBatch } from '../../engine/contracts.ts'
import { BROKER_ERROR, brokerError, clientError } from '../client/broker-errors.ts'
import type { ClusterView } from '../client/cluster-view.ts'
import {
  type FetchAnswer,
  type FetchedPartition,
  type FetchLimits,
  requestFetch,
} from '../protocol/fetch-request.ts'
import { type TopicWatch, watchTopics } from '../topics/topic-watch.ts'
import { offsetOutOfRange } from './offset-out-of-range.ts'
import { type FeedLimits, PartitionFeed } from './partition-feed.ts'
import { WakeSignal } from './wake-signal.ts'

export interface ReaderOptions {
  readonly generation: number
  readonly partitions: readonly { readonly ref: PartitionRef; readonly position: bigint }[]
  readonly view: ClusterView
  readonly clock: Clock
  readonly limits: FetchLimits & FeedLimits
  readonly topicCheckMs: number
  /** Aborts when the generation is over: nothing is handed over afterwards. */
  readonly signal: AbortSignal
  readonly handOver: (batch: SourceBatch) => Promise<void>
  readonly onFailure: (error: unknown) => void
}

/** How long a fetch waits at the broker while a partition is left out of it, so that it can join soon. */
const SHORT_WAIT_MS = 50

/** Fetches the partitions of one generation, one request at a time to each leader, and hands them over. */
export class GenerationReader {
  readonly #options: ReaderOptions
  readonly #feeds: ReadonlyMap<string, PartitionFeed>
  readonly #wakeSignals = new Map<number, WakeSignal>()
  readonly #watch: TopicWatch
  readonly #stopped = new AbortController()
  #answers = 0

  constructor(given: ReaderOptions) {
    const options = { ...given, signal: AbortSignal.any([given.signal, this.#stopped.signal]) }
    this.#options = options
    this.#feeds = new Map(options.partitions.map((start) => [partitionKey(start.ref), this.#feed(start)]))
    this.#watch = watchTopics({
      view: options.view,
      clock: options.clock,
      refs: options.partitions.map(({ ref }) => ref),
      everyMs: options.topicCheckMs,
      signal: options.signal,
      onLeaders: (leaders) => this.#follow(leaders),
      onFailure: options.onFailure,
    })
    options.signal.addEventListener('abort', () => this.#wakeAll(), { once: true })
  }

  pause(keys: readonly string[]): void {
    for (const key of keys) this.#setPaused(key, true)
  }

  resume(keys: readonly string[]): void {
    for (const key of keys) this.#setPaused(key, false)
    this.#wakeAll()
  }

  /** Fetches no more and hands over nothing further; what is with the listener stays there. */
  stop(): void {
    this.#stopped.abort()
    this.#wakeAll()
  }

  /** Resolves when the listener has taken in everything that was given to it. */
  async settled(): Promise<void> {
    await Promise.all([...this.#feeds.values()].map((feed) => feed.settled()))
  }

  #feed({ ref, position }: ReaderOptions['partitions'][number]): PartitionFeed {
    const { generation, limits, signal, handOver, onFailure } = this.#options
    const onRoom = () => this.#wakeSignals.get(feed.leader)?.wake()
    const feed = new PartitionFeed({ ref, generation, position, limits, signal, handOver, onRoom, onFailure })
    return feed
  }

  #setPaused(key: string, paused: boolean): void {
    const feed = this.#feeds.get(key)
    if (feed !== undefined) feed.paused = paused
  }

  #wakeAll(): void {
    for (const signal of this.#wakeSignals.values()) signal.wake()
  }

  /** Takes new leaders; each gets its own loop. */
  #follow(leaders: ReadonlyMap<string, number>): void {
    for (const [key, feed] of this.#feeds) feed.leader = leaders.get(key) ?? -1
    for (const leader of new Set(leaders.values())) {
      if (leader < 0 || this.#wakeSignals.has(leader)) continue
      const wakeSignal = new WakeSignal()
      this.#wakeSignals.set(leader, wakeSignal)
      this.#loop(leader, wakeSignal).catch(this.#options.onFailure)
    }
    this.#wakeAll()
  }

  async #loop(leader: number, wakeSignal: WakeSignal): Promise<void> {
    const { signal, clock } = this.#options
    let failures = 0
    while (!signal.aborted) {
      const mine = [...this.#feeds.values()].filter((feed) => feed.leader === leader)
      const wanted = mine.filter((feed) => feed.canFetch())
      if (wanted.length === 0) {
        await wakeSignal.wait()
        continue
      }
      try {
        const isStale = await this.#fetch(leader, wanted, wanted.length < mine.length)
        failures = isStale ? failures + 1 : 0
      } catch (error) {
        const failure = clientError(error, `fetch from broker ${leader}`)
        if (!isRetryable(failure)) throw failure
        failures += 1
      }
      if (failures === 0) continue
      await clock.sleep(backoffMs(failures, DEFAULT_RETRY), signal)
      await this.#watch.checkNow()
    }
  }

  /** True when the answer says that leaders or topic ids are not what they were. */
  async #fetch(leader: number, wanted: readonly PartitionFeed[], isPartial: boolean): Promise<boolean> {
    const { view, limits, signal } = this.#options
    // A broker fills its answer in the order of the request: who has waited longest comes first, else the last
    // partitions would starve as long as the first have more than an answer can hold.
    const inTurn = wanted.toSorted((a, b) => a.servedBy - b.servedBy)
    const asked = inTurn.map((feed) => ({ ...feed.ref, offset: feed.position }))
    const maxWaitMs = isPartial ? Math.min(SHORT_WAIT_MS, limits.maxWaitMs) : limits.maxWaitMs
    const answer = await requestFetch(await view.broker(leader), asked, { ...limits, maxWaitMs })
    if (signal.aborted) return false
    if (answer.errorCode !== 0) throw brokerError(answer.errorCode, `fetch from broker ${leader}`)
    return this.#takeAll(answer)
  }

  #takeAll(answer: FetchAnswer): boolean {
    let isStale = false
    this.#answers += 1
    for (const fetched of answer.partitions) {
      const feed = this.#feeds.get(`${fetched.topicId}/${fetched.partition}`)
      if (feed === undefined) continue
      if (fetched.errorCode === BROKER_ERROR.none) this.#serve(feed, unshared(fetched, answer.bytes))
      else if (fetched.errorCode === BROKER_ERROR.offsetOutOfRange)
        throw offsetOutOfRange(feed.ref, feed.position)
      else isStale = this.#expectPassing(fetched, feed.ref)
    }
    return isStale
  }

  #serve(feed: PartitionFeed, fetched: FetchedPartition): void {
    if (fetched.recordBatches !== null && fetched.recordBatches.length > 0) feed.servedBy = this.#answers
    feed.take(fetched)
  }

  #expectPassing({ errorCode }: FetchedPartition, { topic, partition }: PartitionRef): true {
    const failure = brokerError(errorCode, `fetch of ${topic}/${partition}`)
    if (!failure.retryable) throw failure
    return true
  }
}

/**
 * Records are views of the answer, so one record of a quiet partition would keep the whole answer in memory until its
 * range is cut. A part that is small beside the whole is copied out.
 */
function unshared(fetched: FetchedPartition, answerBytes: number): FetchedPartition {
  const { recordBatches } = fetched
  if (recordBatches === null || recordBatches.length * 2 >= answerBytes) return fetched
  return { ...fetched, recordBatches: Buffer.from(recordBatches) }
}
