import type { AbortedTransaction } from './fetch-request.ts'

/**
 * Tells which batches of a fetch belong to aborted transactions. The broker lists the aborted transactions that
 * overlap the fetch; each runs from its first offset to the producer's abort marker.
 */
export class AbortedTracker {
  readonly #upcoming: AbortedTransaction[]
  readonly #open = new Set<bigint>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#upcoming = aborted.toSorted((a, b) => (a.firstOffset < b.firstOffset ? 1 : -1))
  }

  /** Opens every transaction that begins at or before `lastOffset`. */
  reach(lastOffset: bigint): void {
    for (let next = this.#upcoming.at(-1); next !== undefined; next = this.#upcoming.at(-1)) {
      if (next.firstOffset > lastOffset) return
      this.#open.add(next.producerId)
      this.#upcoming.pop()
    }
  }

  /** The producer's abort marker was read. */
  end(producerId: bigint): void {
    this.#open.delete(producerId)
  }

  has(producerId: bigint): boolean {
    return this.#open.has(producerId)
  }
}
