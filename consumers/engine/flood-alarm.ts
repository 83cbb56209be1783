import type { CheckedRecord, PartitionRef } from './contracts.ts'
import { partitionKey } from './contracts.ts'
import type { EngineObserver } from './observer.ts'

export interface FloodAlarmOptions {
  readonly inARow: number
  readonly observer: Pick<EngineObserver, 'flood'>
}

/** Raises an alarm when a partition carries nothing but bad records for a while; they still go to quarantine. */
export class FloodAlarm {
  readonly #options: FloodAlarmOptions
  readonly #inARow = new Map<string, number>()

  constructor(options: FloodAlarmOptions) {
    this.#options = options
  }

  observe(partition: PartitionRef, { verdict }: CheckedRecord): void {
    const key = partitionKey(partition)
    if (verdict.kind !== 'bad') {
      this.#inARow.delete(key)
      return
    }
    const count = (this.#inARow.get(key) ?? 0) + 1
    this.#inARow.set(key, count)
    // Once at the limit and then at each doubling: an alarm, not a log line per record.
    const doublings = Math.log2(count / this.#options.inARow)
    if (doublings >= 0 && Number.isInteger(doublings))
      this.#options.observer.flood(partition, verdict.code, count)
  }
}
