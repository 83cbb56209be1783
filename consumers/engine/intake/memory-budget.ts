import { Condition } from '../condition.ts'

export interface MemoryBudgetOptions {
  readonly capBytes: number
  readonly lowBytes: number
  /** What one partition may take of it: less than all, so that a flood in one leaves room for the others. */
  readonly partitionBytes: number
}

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
    return this.#bytes >= this.#options.capBytes
  }

  get partitionBytes(): number {
    return this.#options.partitionBytes
  }

  get lowBytes(): number {
    return this.#options.lowBytes
  }

  add(bytes: number): void {
    this.#bytes += bytes
  }

  release(bytes: number): void {
    this.#bytes -= bytes
    this.#condition.changed()
  }

  /** Resolves true when there is room for more of a partition, false when `signal` aborts first. */
  room(partition: { readonly bufferedBytes: number }, signal: AbortSignal): Promise<boolean> {
    return this.#condition.until(() => !this.isFull && partition.bufferedBytes < this.partitionBytes, signal)
  }
}
