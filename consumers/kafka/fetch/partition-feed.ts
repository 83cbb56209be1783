import {
  BATCH_FIELD,
  BATCH_HEADER_BYTES,
  BATCH_PREFIX_BYTES,
} from '../../../runtime/kafka-wire/batch-header.ts'
import type { PartitionRef, SourceBatch } from '../../engine/contracts.ts'
import type { FetchedPartition } from '../protocol/fetch-request.ts'
import { type DecodedSlice, slices } from '../protocol/record-batch.ts'

export interface FeedLimits {
  readonly maxSliceBytes: number
  readonly maxBatchBytes: number
}

export interface FeedOptions {
  readonly ref: PartitionRef
  readonly generation: number
  readonly position: bigint
  readonly limits: FeedLimits
  readonly signal: AbortSignal
  /** Takes one batch; the next one is not given before it has resolved. */
  readonly handOver: (batch: SourceBatch) => Promise<void>
  /** Called when the feed can take another fetch. */
  readonly onRoom: () => void
  readonly onFailure: (error: unknown) => void
}

/** One answer may be handed over while the next one is fetched. */
const MAX_ANSWERS_HELD = 2

/** One partition of one generation: where to fetch next, and the answers on their way to the listener, in order. */
export class PartitionFeed {
  readonly ref: PartitionRef
  /** Node id of the leader, -1 while it is not known. */
  leader = -1
  paused = false
  /** Number of the answer that last brought something. */
  servedBy = 0
  readonly #options: FeedOptions
  #position: bigint
  #held = 0
  #tail: Promise<void> = Promise.resolve()

  constructor(options: FeedOptions) {
    this.ref = options.ref
    this.#options = options
    this.#position = options.position
  }

  /** The next offset to ask for. It moves only by what was fetched. */
  get position(): bigint {
    return this.#position
  }

  canFetch(): boolean {
    return !this.paused && this.#held < MAX_ANSWERS_HELD
  }

  /** Takes a fetch that was asked for at `position`. */
  take(fetched: FetchedPartition): void {
    const recordBatches = fetched.recordBatches
    if (recordBatches === null) return
    const from = this.#position
    const next = endOfBatches(recordBatches)
    if (next === null || next <= from) return
    this.#position = next
    this.#held += 1
    this.#tail = this.#tail.then(() => this.#handOver(fetched, recordBatches, from))
  }

  /** Resolves when nothing of this feed is with the listener any more. */
  settled(): Promise<void> {
    return this.#tail
  }

  async #handOver(fetched: FetchedPartition, recordBatches: Buffer, from: bigint): Promise<void> {
    const { ref, limits, signal, handOver } = this.#options
    const place = { topic: ref.topic, partition: ref.partition, aborted: fetched.aborted }
    try {
      for (const slice of slices({ ...place, ...limits, recordBatches, from })) {
        if (signal.aborted) return
        await handOver(this.#batch(slice, fetched.highWatermark))
      }
    } catch (error) {
      if (!signal.aborted) this.#options.onFailure(error)
    } finally {
      this.#held -= 1
      this.#options.onRoom()
    }
  }

  #batch(slice: DecodedSlice, highWatermark: bigint): SourceBatch {
    const { ref: partition, generation } = this.#options
    return { partition, generation, ...slice, highWatermark }
  }
}

/** The offset after the last complete batch; null where there is none. */
export function endOfBatches(recordBatches: Buffer): bigint | null {
  let next: bigint | null = null
  for (let at = 0; at + BATCH_HEADER_BYTES <= recordBatches.length; ) {
    const end = at + BATCH_PREFIX_BYTES + Math.max(0, recordBatches.readInt32BE(at + BATCH_FIELD.length))
    if (end > recordBatches.length) break
    next =
      recordBatches.readBigInt64BE(at) +
      BigInt(recordBatches.readInt32BE(at + BATCH_FIELD.lastOffsetDelta)) +
      1n
    at = end
  }
  return next
}

/** The first batch that ends at `offset` or behind it; null where there is none. */
export function batchAt(recordBatches: Buffer, offset: bigint): Buffer | null {
  for (let at = 0; at + BATCH_HEADER_BYTES <= recordBatches.length; ) {
    const end = at + BATCH_PREFIX_BYTES + Math.max(0, recordBatches.readInt32BE(at + BATCH_FIELD.length))
    if (end > recordBatches.length) break
    const batch = recordBatches.subarray(at, end)
    const next = endOfBatches(batch)
    if (next !== null && next > offset) return batch
    at = end
  }
  return null
}
