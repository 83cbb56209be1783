import type { Clock } from '../../../runtime/clock.ts'
import type { DecodedSlice } from '../protocol/slice.ts'

const MIB = 1024 * 1024
/** Once so much is in hand, nothing more is unpacked: a slice may be small on the wire and as large as a batch may be. */
const MAX_BYTES = 32 * MIB
/** The same for large slices: what is left is for partitions that send little. */
const MAX_BYTES_FOR_LARGE = MAX_BYTES / 2
const LARGE_SLICE_BYTES = MIB
/** A partition that keeps its slice for so long waits for its store: the others do not wait for it, up to a bound. */
const STUCK_MS = 10_000
const MAX_BYTES_WITH_STUCK = 60 * MIB
const LOOK_AGAIN_MS = 1_000
/** What a record takes beside its bytes. */
export const RECORD_BYTES = 256

interface Held {
  readonly bytes: number
  readonly since: number
  readonly giveWay: () => void
}

/** A slice that is in hand. */
export interface SliceInHand {
  readonly bytes: number
  /** Call it when the slice was handed over to the end. */
  readonly handedOver: () => void
}

/**
 * What all partitions of a worker have unpacked and not handed over to the end. Each has a slice at most, but there may
 * be hundreds of partitions, and whoever floods one can flood them all.
 */
export class SlicesInHand {
  readonly #clock: Pick<Clock, 'now' | 'sleep'>
  readonly #held = new Set<Held>()
  #next = Promise.withResolvers<void>()

  constructor(clock: Pick<Clock, 'now' | 'sleep'>) {
    this.#clock = clock
  }

  /** Whether a partition may have another slice unpacked now, which is expected to hold so much. */
  hasRoom(expectedBytes: number): boolean {
    const { moving, all } = this.#sums()
    const most = expectedBytes > LARGE_SLICE_BYTES ? MAX_BYTES_FOR_LARGE : MAX_BYTES
    return moving < most && all < MAX_BYTES_WITH_STUCK
  }

  /**
   * Call where `hasRoom` is false. Where only slices are in the way that have been kept for long, as their partitions
   * cannot be delivered, the largest of them is given up: else the others would wait for as long as that lasts.
   */
  makeRoom(): void {
    const { moving, all, largestStuck } = this.#sums()
    if (moving < MAX_BYTES && all >= MAX_BYTES_WITH_STUCK) largestStuck?.giveWay()
  }

  #sums() {
    const stuckBefore = this.#clock.now() - STUCK_MS
    let all = 0
    let moving = 0
    let largestStuck: Held | null = null
    for (const held of this.#held) {
      all += held.bytes
      if (held.since > stuckBefore) moving += held.bytes
      else if (largestStuck === null || held.bytes > largestStuck.bytes) largestStuck = held
    }
    return { all, moving, largestStuck }
  }

  /** `giveWay` is called where the slice is kept for long and others need its room. */
  add({ records }: DecodedSlice, giveWay: () => void): SliceInHand {
    let bytes = records.length * RECORD_BYTES
    for (const { size } of records) bytes += size
    const held = { bytes, since: this.#clock.now(), giveWay }
    this.#held.add(held)
    const handedOver = () => {
      this.#held.delete(held)
      this.changed()
    }
    return { bytes, handedOver }
  }

  /** Something that is waited for may have changed. */
  changed(): void {
    this.#next.resolve()
    this.#next = Promise.withResolvers()
  }

  /** Resolves at the next change, or after a while. */
  async nextChange(): Promise<void> {
    const waiting = new AbortController()
    await Promise.race([this.#next.promise, this.#clock.sleep(LOOK_AGAIN_MS, waiting.signal)])
    waiting.abort()
  }
}
