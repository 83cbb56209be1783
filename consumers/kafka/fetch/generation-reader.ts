import { backoffMs } from '../../../runtime/backoff.ts'
import type { Clock } from '../../../runtime/clock.ts'
import { DEFAULT_RETRY } from '../../../runtime/retry.ts'
import { type PartitionRef, partitionKey, type SourceBatch } from '../../engine/contracts.ts'
import { BROKER_ERROR, brokerError, clientError } from '../client/broker-errors.ts'
import type { ClusterView } from '../client/cluster-view.ts'
import { Refusals } from '../client/refusals.ts'
import {
  type FetchAnswer,
  type FetchedPartition,
  type FetchLimits,
  requestFetch,
} from '../protocol/fetch-request.ts'
import { type LeaderWatch, watchLeaders } from './leader-watch.ts'
import { LoopTurns } from './loop-turns.ts'
import { offsetOutOfRange } from './offset-out-of-range.ts'
import { type FeedLimits, type FeedOwner, PartitionFeed } from './partition-feed.ts'
import type { SlicesInHand } from './slices-in-hand.ts'
import { WakeSignal } from './wake-signal.ts'

export interface ReaderOptions {
  readonly generation: number
  /** All partitions of the generation; each is fetched from `read` on. */
  readonly refs: readonly PartitionRef[]
  readonly view: ClusterView
  readonly clock: Clock
  readonly limits: FetchLimits & FeedLimits
  readonly leaderCheckMs: number
  /** Of all readers of the worker. */
  readonly inHand: SlicesInHand
  /** Aborts when the generation is over: nothing is handed over afterwards. */
  readonly signal: AbortSignal
  readonly handOver: (batch: SourceBatch) => Promise<void>
  /** The partition cannot be read on; it was released. */
  readonly onPartitionFailure: (ref: PartitionRef, error: unknown) => void
  /** Nothing can be read on: the worker's own credentials or configuration. */
  readonly onFailure: (error: unknown) => void
}

/** How long a fetch waits at the broker while a partition is left out of it, so that it can join soon. */
const SHORT_WAIT_MS = 50

/** A partition that its leader has refused for so long stops, and says so, until it can be read again. */
const REFUSAL_PATIENCE_MS = 60_000

/**
 * Answers that wait, of all partitions together, as they came. Beyond that no partition gets a second one, and each only
 * little: where a store is away there may be hundreds that wait.
 */
const MAX_PACKED_BYTES = 48 * 1024 * 1024
const TIGHT_BYTES_PER_PARTITION = 64 * 1024

/** A feed, and the offset that was asked for. */
interface Asked {
  readonly feed: PartitionFeed
  readonly offset: bigint
}

/** Fetches the partitions of one generation, one request at a time to each leader, and hands them over. */
export class GenerationReader {
  readonly #options: ReaderOptions
  readonly #feeds = new Map<string, PartitionFeed>()
  /** Whether or not there is a feed of them yet, by `partitionKey`. */
  readonly #paused = new Set<string>()
  readonly #turns = new LoopTurns()
  readonly #wakeSignals = new Map<number, WakeSignal>()
  readonly #watch: LeaderWatch
  readonly #stopped = new AbortController()
  #leaders: ReadonlyMap<string, number> = new Map()
  #answers = 0

  constructor(given: ReaderOptions) {
    const options = { ...given, signal: AbortSignal.any([given.signal, this.#stopped.signal]) }
    this.#options = options
    this.#watch = watchLeaders({
      view: options.view,
      clock: options.clock,
      refs: options.refs,
      everyMs: options.leaderCheckMs,
      signal: options.signal,
      onLeaders: (leaders) => this.#follow(leaders),
    })
    options.signal.addEventListener('abort', () => this.#wakeAll(), { once: true })
  }

  /**
   * Goes on with these partitions of the reader of the generation before: what they fetched and have not handed over
   * yet is handed over by this one. All others of it are released.
   */
  takeOver(before: GenerationReader, kept: readonly PartitionRef[]): void {
    for (const ref of kept) {
      const feed = before.#feeds.get(partitionKey(ref))
      if (feed === undefined) continue
      before.#feeds.delete(partitionKey(ref))
      this.#feeds.set(partitionKey(ref), feed)
      feed.moveTo(this.#feedOwner())
    }
    for (const ref of kept) if (before.#paused.has(partitionKey(ref))) this.#paused.add(partitionKey(ref))
    for (const { ref } of [...before.#feeds.values()]) before.release(ref)
  }

  /** Hands over `ref` from `position` on. */
  read(ref: PartitionRef, position: bigint): void {
    this.release(ref)
    const { limits, handOver, inHand } = this.#options
    const feed = new PartitionFeed({ ref, position, limits, handOver, inHand, owner: this.#feedOwner() })
    feed.follow(this.#leaders.get(partitionKey(ref)) ?? -1)
    if (this.#paused.has(partitionKey(ref))) feed.pause()
    this.#feeds.set(partitionKey(ref), feed)
    this.#wakeAll()
  }

  /** Hands over nothing more of `ref`; what is with the listener stays there. */
  release(ref: PartitionRef): void {
    const feed = this.#feeds.get(partitionKey(ref))
    if (feed === undefined) return
    this.#feeds.delete(partitionKey(ref))
    feed.close()
  }

  pause(keys: readonly string[]): void {
    for (const key of keys) {
      this.#paused.add(key)
      this.#feeds.get(key)?.pause()
    }
  }

  resume(keys: readonly string[]): void {
    for (const key of keys) {
      this.#paused.delete(key)
      this.#feeds.get(key)?.resume()
    }
    this.#wakeAll()
  }

  /** Fetches no more and hands over nothing further; what is with the listener stays there. */
  stop(): void {
    this.#stopped.abort()
    this.#wakeAll()
  }

  /** Of all answers that are not handed over yet, as they came. */
  get packedBytes(): number {
    let bytes = 0
    for (const feed of this.#feeds.values()) bytes += feed.packedBytes
    return bytes
  }

  #feedOwner(): FeedOwner {
    const { generation, signal } = this.#options
    return {
      ...{ generation, signal },
      onRoom: (feed) => this.#wakeSignals.get(feed.leader)?.wake(),
      onFailure: (feed, error) => this.#failed(feed, error),
      giveWay: (busyMs, records) => this.#turns.giveWay(busyMs, records),
    }
  }

  #failed(feed: PartitionFeed, error: unknown): void {
    if (this.#options.signal.aborted || this.#feeds.get(partitionKey(feed.ref)) !== feed) return
    this.release(feed.ref)
    this.#options.onPartitionFailure(feed.ref, error)
  }

  #wakeAll(): void {
    this.#options.inHand.changed()
    for (const signal of this.#wakeSignals.values()) signal.wake()
  }

  /** Takes new leaders; each gets its own loop. */
  #follow(leaders: ReadonlyMap<string, number>): void {
    this.#leaders = leaders
    for (const [key, feed] of this.#feeds) feed.follow(leaders.get(key) ?? -1)
    for (const leader of new Set(leaders.values())) {
      if (leader < 0 || this.#wakeSignals.has(leader)) continue
      const wakeSignal = new WakeSignal()
      this.#wakeSignals.set(leader, wakeSignal)
      this.#loop(leader, wakeSignal).catch(this.#options.onFailure)
    }
    this.#wakeAll()
  }

  /** Ends by a throw only where the worker itself is at fault; whatever else a broker does, it is asked again. */
  async #loop(leader: number, wakeSignal: WakeSignal): Promise<void> {
    const { signal, clock } = this.#options
    const refusals = new Refusals()
    let failures = 0
    while (!signal.aborted) {
      const mine = [...this.#feeds.values()].filter((feed) => feed.leader === leader)
      const isTight = this.packedBytes > MAX_PACKED_BYTES
      const wanted = mine.filter((feed) => feed.canFetch(isTight))
      if (wanted.length === 0) {
        await wakeSignal.wait()
        continue
      }
      try {
        await this.#fetch(leader, wanted, { isPartial: wanted.length < mine.length, isTight })
        failures = 0
        refusals.succeeded()
      } catch (error) {
        const failure = clientError(error, `fetch from broker ${leader}`)
        if (refusals.believes(failure)) throw failure
        failures += 1
      }
      if (failures === 0) continue
      await clock.sleep(backoffMs(failures, DEFAULT_RETRY), signal)
      await this.#watch.checkNow()
    }
  }

  async #fetch(
    leader: number,
    wanted: readonly PartitionFeed[],
    { isPartial, isTight }: { readonly isPartial: boolean; readonly isTight: boolean },
  ): Promise<void> {
    const { view, limits, signal } = this.#options
    // A broker fills its answer in the order of the request: who has waited longest comes first, else the last
    // partitions would starve as long as the first have more than an answer can hold.
    const inTurn = wanted.toSorted((a, b) => a.lastServed - b.lastServed)
    const asked = new Map(
      inTurn.map((feed) => [partitionKey(feed.ref), { feed, offset: feed.position }] as const),
    )
    const maxWaitMs = isPartial ? Math.min(SHORT_WAIT_MS, limits.maxWaitMs) : limits.maxWaitMs
    const answer = await requestFetch(
      await view.broker(leader),
      [...asked.values()].map(({ feed, offset }) => ({
        ...feed.ref,
        offset,
        lastEpoch: feed.epoch,
        leastBytes: feed.leastFetchBytes,
      })),
      { ...limits, maxWaitMs, ...(isTight ? { maxBytesPerPartition: TIGHT_BYTES_PER_PARTITION } : {}) },
    )
    if (signal.aborted) return
    if (answer.errorCode !== 0) throw brokerError(answer.errorCode, `fetch from broker ${leader}`)
    this.#takeAll(answer, asked)
  }

  #takeAll(answer: FetchAnswer, asked: ReadonlyMap<string, Asked>): void {
    this.#answers += 1
    for (const fetched of answer.partitions) {
      const key = `${fetched.topicId}/${fetched.partition}`
      const { feed, offset } = asked.get(key) ?? {}
      // It may have been released, or be read from elsewhere now.
      if (feed === undefined || this.#feeds.get(key) !== feed || feed.position !== offset) continue
      if (fetched.errorCode === BROKER_ERROR.none) this.#serve(feed, unshared(fetched, answer.bytes))
      else if (fetched.errorCode === BROKER_ERROR.offsetOutOfRange)
        feed.fail(offsetOutOfRange(feed.ref, feed.position))
      else this.#refused(feed, fetched)
    }
  }

  #serve(feed: PartitionFeed, fetched: FetchedPartition): void {
    try {
      feed.take(fetched, this.#answers)
    } catch (error) {
      feed.fail(error)
    }
  }

  /** The leader answers, but not for this partition: the others of that leader do not wait for it. */
  #refused(feed: PartitionFeed, { errorCode }: FetchedPartition): void {
    const { clock } = this.#options
    const failure = brokerError(errorCode, `fetch of ${feed.ref.topic}/${feed.ref.partition}`)
    const now = clock.now()
    const { delayMs, since } = feed.rest(now)
    if (!failure.retryable || now - since > REFUSAL_PATIENCE_MS) {
      feed.fail(failure)
      return
    }
    clock.after(delayMs, () => feed.rested())
    // Most of these say that the leader or the topic's id is not what it was.
    void this.#watch.checkNow()
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
