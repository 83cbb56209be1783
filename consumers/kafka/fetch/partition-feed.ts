import { backoffMs } from '../../../runtime/backoff.ts'
import { DEFAULT_RETRY } from '../../../runtime/retry.ts'
import type { PartitionRef, SourceBatch } from '../../engine/contracts.ts'
import { gaveWay } from '../../engine/faults.ts'
import { endOfBatches } from '../protocol/batch-extents.ts'
import type { FetchedPartition } from '../protocol/fetch-request.ts'
import { slices } from '../protocol/record-batch.ts'
import type { DecodedSlice } from '../protocol/slice.ts'
import { DamageWatch, type Examined } from './damage-watch.ts'
import { logCut } from './offset-out-of-range.ts'
import { RECORD_BYTES, type SlicesInHand } from './slices-in-hand.ts'

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
  /** Awaited after each slice; to take it apart has kept the event loop busy for `busyMs` milliseconds. */
  readonly giveWay: (busyMs: number, records: number) => Promise<void>
}

export interface FeedOptions {
  readonly ref: PartitionRef
  readonly position: bigint
  readonly limits: FeedLimits
  /** Takes one batch; the next one is not given before it has resolved. */
  readonly handOver: (batch: SourceBatch) => Promise<void>
  readonly owner: FeedOwner
  /** Of all partitions. */
  readonly inHand: SlicesInHand
}

interface Answer extends Examined {
  readonly from: bigint
  /** What its records will hold, if they are hardly packed. */
  readonly leastBytes: number
}

/** One answer may be handed over while the next one is fetched. */
const MAX_ANSWERS_HELD = 2

/** One partition: where to fetch next, and the answers on their way to the listener, in order. */
export class PartitionFeed {
  readonly ref: PartitionRef
  readonly #options: FeedOptions
  readonly #damage: DamageWatch
  #position: bigint
  /** Of the last batch before the position, as the leader gave it; -1: not known. */
  #epoch = -1
  #owner: FeedOwner
  #isClosed = false
  #leader = -1
  #isPaused = false
  #lastServed = 0
  #held = 0
  #packedBytes = 0
  #tail: Promise<void> = Promise.resolve()
  /** Since when the broker has refused this partition, and how often. */
  #refused: { readonly since: number; readonly times: number } | null = null
  #isResting = false
  #isFailed = false
  /** Of the largest of the last slices: halves with each smaller one. */
  #lastBytes = 0

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
    this.#options.inHand.changed()
  }

  /** Belongs to another generation from now on. */
  moveTo(owner: FeedOwner): void {
    this.#owner = owner
  }

  /** The next offset to ask for. It moves only by what was fetched. */
  get position(): bigint {
    return this.#position
  }

  /** Of the leader that wrote what comes before `position`; -1 while it is not known. */
  get epoch(): number {
    return this.#epoch
  }

  /** Node id, -1 while it is not known. */
  get leader(): number {
    return this.#leader
  }

  follow(leader: number): void {
    this.#leader = leader
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    this.#options.inHand.changed()
  }

  /** Number of the answer that last brought something. */
  get lastServed(): number {
    return this.#lastServed
  }

  /** `isTight`: memory is short, so the next answer is not fetched before the last one is handed over. */
  canFetch(isTight: boolean): boolean {
    return (
      !this.#isFailed && !this.#isPaused && !this.#isResting && this.#held < (isTight ? 1 : MAX_ANSWERS_HELD)
    )
  }

  /** Of the answers that it holds, as they came. */
  get packedBytes(): number {
    return this.#packedBytes
  }

  /** Bytes that its part of an answer must have room for; 0: no matter. */
  get leastFetchBytes(): number {
    return this.#damage.leastFetchBytes
  }

  /**
   * The broker refuses this partition with an error that may pass: it alone is not to be asked again before `rested`.
   * Gives when that should be, and since when it has been so (milliseconds since the Unix epoch).
   */
  rest(now: number): { readonly delayMs: number; readonly since: number } {
    const { since, times } = this.#refused ?? { since: now, times: 0 }
    this.#refused = { since, times: times + 1 }
    this.#isResting = true
    return { delayMs: backoffMs(times + 1, DEFAULT_RETRY), since }
  }

  rested(): void {
    this.#isResting = false
    this.#owner.onRoom(this)
  }

  /**
   * Takes a fetch that was asked for at `position`; `number` of the answer. A batch that may have been damaged on its
   * way is left out with all that follows it: it is where the next fetch begins.
   * @throws DaybookError DAYBOOK_KAFKA_BATCH_CORRUPT where that does not end, DAYBOOK_KAFKA_OFFSET_OUT_OF_RANGE where the
   * log was cut below the position and has grown again
   */
  take(fetched: FetchedPartition, number: number): void {
    this.#refused = null
    if (fetched.cutAt !== null) throw logCut(this.ref, fetched.cutAt, this.#position)
    if (fetched.recordBatches === null || fetched.recordBatches.length === 0) return
    this.#lastServed = number
    const examined = this.#damage.examine(fetched.recordBatches, {
      from: this.#position,
      readableEnd: fetched.readableEnd,
    })
    const from = this.#position
    const { next, epoch, records, isSound } = endOfBatches(examined.recordBatches)
    const isAhead = next !== null && next > from
    // What is not sound is handed over too: reading it says what is wrong.
    if (!isAhead && isSound) return
    if (isAhead) {
      this.#position = next
      this.#epoch = epoch
    }
    this.#held += 1
    this.#packedBytes += fetched.recordBatches.length
    const leastBytes = examined.recordBatches.length + records * RECORD_BYTES
    this.#tail = this.#tail.then(() => this.#handOver(fetched, { ...examined, from, leastBytes }))
  }

  /** It cannot be read on: `onFailure` is called when what was fetched before is handed over. */
  fail(error: unknown): void {
    this.#isFailed = true
    this.#tail = this.#tail.then(() => {
      if (!this.#isOver()) this.#owner.onFailure(this, error)
    })
  }

  /** Resolves when nothing of this feed is with the listener any more. */
  settled(): Promise<void> {
    return this.#tail
  }

  async #handOver(fetched: FetchedPartition, { leastBytes, ...answer }: Answer): Promise<void> {
    const { ref, limits, handOver, inHand } = this.#options
    const { aborted, highWatermark } = fetched
    const place = { topic: ref.topic, partition: ref.partition, aborted, highWatermark }
    try {
      const decoded = slices({ ...place, ...limits, ...answer })
      while (!this.#isOver()) {
        // Nothing is awaited between this look and `add`: others must not see the same room.
        if (this.#isPaused || !inHand.hasRoom(Math.max(this.#lastBytes, leastBytes))) {
          if (!this.#isPaused) inHand.makeRoom()
          await inHand.nextChange()
          continue
        }
        const started = performance.now()
        const { value: slice } = decoded.next()
        const busyMs = performance.now() - started
        if (!slice) return
        const held = inHand.add(slice, () => this.#owner.onFailure(this, gaveWay(ref)))
        // Others' events may lie between the large ones of a flood.
        this.#lastBytes = Math.max(held.bytes, this.#lastBytes / 2)
        await handOver(this.#batch(slice, highWatermark)).finally(held.handedOver)
        await this.#owner.giveWay(busyMs, slice.records.length)
      }
    } catch (error) {
      if (!this.#isOver()) this.#owner.onFailure(this, error)
    } finally {
      this.#held -= 1
      this.#packedBytes -= fetched.recordBatches?.length ?? 0
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
