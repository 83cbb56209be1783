import { Condition } from '../condition.ts'

export interface MemoryBudgetOptions {
  readonly capBytes: number
  readonly lowBytes: number
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

  /** Resolves true below the cap, false when `signal` aborts first. */
  room(signal: AbortSignal): Promise<boolean> {
    return this.#condition.until(() => !this.isFull, signal)
  }
}
