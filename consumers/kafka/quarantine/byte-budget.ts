import { type PartitionRef, partitionKey } from '../../engine/contracts.ts'

export interface ByteBudgetOptions {
  /** Of each partition in each window. */
  readonly bytes: number
  readonly windowMs: number
  readonly now: () => number
}

interface Window {
  readonly since: number
  spent: number
  isReported: boolean
}

/** How much of each partition's bad input is kept whole: a flood must not fill the quarantine. */
export class ByteBudget {
  readonly #options: ByteBudgetOptions
  readonly #windows = new Map<string, Window>()

  constructor(options: ByteBudgetOptions) {
    this.#options = options
  }

  left(partition: PartitionRef): number {
    return this.#options.bytes - this.#window(partition).spent
  }

  spend(partition: PartitionRef, bytes: number): void {
    this.#window(partition).spent += bytes
  }

  /** True at the first call in a window. */
  reportOnce(partition: PartitionRef): boolean {
    const window = this.#window(partition)
    const isFirst = !window.isReported
    window.isReported = true
    return isFirst
  }

  #window(partition: PartitionRef): Window {
    const { now, windowMs } = this.#options
    const key = partitionKey(partition)
    const known = this.#windows.get(key)
    if (known !== undefined && now() - known.since < windowMs) return known
    const fresh = { since: now(), spent: 0, isReported: false }
    this.#windows.set(key, fresh)
    return fresh
  }
}
