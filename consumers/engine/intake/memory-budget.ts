import { Condition } from '../condition.ts'

export interface MemoryBudgetOptions {
  readonly capBytes: number
  readonly lowBytes: number
}

/**
 * One partition may hold this many times what is left: three quarters of the cap where it is the only one that holds
 * anything, 43 % each where there are two. However many are full because the store does not take theirs, something is
 * left for the next one.
 */
const SHARE_OF_FREE = 3
/** So much of the cap it may hold in any case: the others do not wait because some hold more than they now might. */
const MIN_SHARE_RATIO = 0.02
/** That many partitions at their least share could exceed the cap: here it ends. */
const FULL_RATIO = 1.25
/** So much more for partitions that hold and send little: they do not wait because fifty others are flooded. */
const RESERVE_RATIO = 0.125
/** A fifth of the least share: some hundred events of the usual size. */
const LITTLE_RATIO = 0.004

/** What is taken in and not delivered: the sum of `Range.bytes`. */
export class MemoryBudget {
  readonly #options: MemoryBudgetOptions
  readonly #condition = new Condition()
  #bytes = 0

  constructor(options: MemoryBudgetOptions) {
    this.#options = options
  }

  get bytes(): number {
    return this.#bytes
  }

  get isFull(): boolean {
    return this.#bytes >= this.#fullBytes
  }

  get #fullBytes(): number {
    return this.#options.capBytes * FULL_RATIO
  }

  /** What one partition may hold now. */
  get shareBytes(): number {
    const { capBytes } = this.#options
    return Math.max(capBytes * MIN_SHARE_RATIO, SHARE_OF_FREE * (capBytes - this.#bytes))
  }

  /** Whether a partition that holds and is about to take in so much leaves what it gets of the reserve to others too. */
  isLittle(bytes: number): boolean {
    return bytes <= this.#options.capBytes * LITTLE_RATIO
  }

  get lowBytes(): number {
    return this.#options.lowBytes
  }

  /**
   * What open ranges can be sure to reach where they hold `openBytes` now: half of what all else leaves to them, because
   * one alone may have three quarters of it.
   */
  reachableBytes(openBytes: number): number {
    const { capBytes } = this.#options
    return Math.max(capBytes * MIN_SHARE_RATIO, (capBytes - (this.#bytes - openBytes)) / 2)
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }

  release(bytes: number): void {
    this.#bytes -= bytes
    this.#condition.changed()
  }

  /** Whether a partition that holds `heldBytes` may take in more, and a record of `nextBytes` leaves memory to others. */
  hasRoom(heldBytes: number, nextBytes: number): boolean {
    return heldBytes < this.shareBytes && this.#bytes + nextBytes < this.#fullBytes
  }

  /**
   * Resolves true when there is room for more of a partition, false when `signal` aborts first. A partition that holds
   * and sends little gets the reserve too.
   */
  room(
    partition: { readonly bufferedBytes: number; readonly isSmall: boolean },
    nextBytes: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const isReserved = () => partition.isSmall && this.#bytes < this.#fullBytes + this.#reserveBytes
    return this.#condition.until(
      () => this.hasRoom(partition.bufferedBytes, nextBytes) || isReserved(),
      signal,
    )
  }

  get #reserveBytes(): number {
    return this.#options.capBytes * RESERVE_RATIO
  }
}
