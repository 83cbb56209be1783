import type { Clock } from '../../../runtime/clock.ts'
import type { PartitionRef } from '../../engine/contracts.ts'
import { partitionKey } from '../../engine/contracts.ts'

/** A producer that reuses ids every now and then stays apart from the others. */
const REMEMBERED_MS = 10 * 60_000

/**
 * Partitions with events under ids that the store holds very often. A producer may use one id any number of times, and
 * each look-up reads all rows of its ids: others must not wait for it.
 */
export class CostlyPartitions {
  readonly #clock: Pick<Clock, 'now'>
  /** Until when, by `partitionKey`. */
  readonly #until = new Map<string, number>()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  add(partition: PartitionRef): void {
    this.#until.set(partitionKey(partition), this.#clock.now() + REMEMBERED_MS)
  }

  has(partition: PartitionRef): boolean {
    const until = this.#until.get(partitionKey(partition))
    return until !== undefined && this.#clock.now() < until
  }
}
