import type { PartitionRef, SourceBatch } from '../../engine/contracts.ts'
import { endOfBatches } from '../protocol/batch-extents.ts'
import type { FetchedPartition } from '../protocol/fetch-request.ts'
import { slices } from '../protocol/record-batch.ts'
import type { DecodedSlice } from '../protocol/slice.ts'
import { DamageWatch, type Examined } from './damage-watch.ts'

export interface FeedLimits {
  readonly maxSliceBytes: number
  readonly maxBatchBytes: number
}

/** The generation that a feed belongs to. */
export interface FeedOwner {
  readonly generation: number
  /** Aborts when the generation is over: nothing is handed over afterwards. */
  readonly signal: AbortSignal
  /** Called when the feed can take another fetch. */
  readonly onRoom: (feed: PartitionFeed) => void
  readonly onFailure: (feed: PartitionFeed, error: unknown) => void
}

export interface FeedOptions {
  readonly ref: PartitionRef
  readonly position: bigint
  readonly limits: FeedLimits
  /** Takes one batch; the next one is not given before it has resolved. */
  readonly handOver: (batch: SourceBatch) => Promise<void>
  readonly owner: FeedOwner
}

/** One answer may be handed over while the next one is fetched. */
const MAX_ANSWERS_HELD = 2

/** One partition: where to fetch next, and the answers on their way to the listener, in order. */
export class PartitionFeed {
  readonly ref: PartitionRef
  /** Node id of the leader, -1 while it is not known. */
  leader = -1
  paused = false
  /** Number of the answer that last brought something. */
  servedBy = 0
  readonly #options: FeedOptions
  readonly #damage: DamageWatch
  #position: bigint
  #owner: FeedOwner
  #isClosed = false
  #held = 0
  #tail: Promise<void> = Promise.resolve()

  constructor(options: FeedOptions) {
    this.ref = options.ref
    this.#options = options
    this.#damage = new DamageWatch(options.ref)
    this.#position = options.position
    this.#owner = options.owner
  }

  /** Hands over nothing further; what is with the listener stays there. */
  close(): void {
    this.#isClosed = true
  }

  /** Belongs to another generation from now on. */
  moveTo(owner: FeedOwner): void {
    this.#owner = owner
  }

  /** The next offset to ask for. It moves only by what was fetched. */
  get position(): bigint {
    return this.#position
  }

  canFetch(): boolean {
    return !this.paused && this.#held < MAX_ANSWERS_HELD
  }

  /**
   * Takes a fetch that was asked for at `position`. A batch that may have been damaged on its way is left out with all
   * that follows it: it is where the next fetch begins.
   * @throws DaybookError DAYBOOK_KAFKA_BATCH_CORRUPT where that does not end
   */
  take(fetched: FetchedPartition): void {
    if (fetched.recordBatches === null) return
    const examined = this.#damage.examine(fetched.recordBatches, this.#position)
    const from = this.#position
    const { next, isSound } = endOfBatches(examined.recordBatches)
    const isAhead = next !== null && next > from
    // What is not sound is handed over too: reading it says what is wrong.
    if (!isAhead && isSound) return
    if (isAhead) this.#position = next
    this.#held += 1
    this.#tail = this.#tail.then(() => this.#handOver(fetched, examined, from))
  }

  /** Resolves when nothing of this feed is with the listener any more. */
  settled(): Promise<void> {
    return this.#tail
  }

  async #handOver(fetched: FetchedPartition, examined: Examined, from: bigint): Promise<void> {
    const { ref, limits, handOver } = this.#options
    const { aborted, highWatermark } = fetched
    const place = { topic: ref.topic, partition: ref.partition, aborted, highWatermark }
    try {
      for (const slice of slices({ ...place, ...limits, ...examined, from })) {
        if (this.#isOver()) return
        await handOver(this.#batch(slice, highWatermark))
      }
    } catch (error) {
      if (!this.#isOver()) this.#owner.onFailure(this, error)
    } finally {
      this.#held -= 1
      this.#owner.onRoom(this)
    }
  }

  #isOver(): boolean {
    return this.#isClosed || this.#owner.signal.aborted
  }

  #batch(slice: DecodedSlice, highWatermark: bigint): SourceBatch {
    const { ref: partition } = this.#options
    return { partition, generation: this.#owner.generation, ...slice, highWatermark }
  }
}
