import type { CheckedRecord } from '../contracts.ts'
import type { EngineObserver } from '../observer.ts'
import type { PartitionSession } from '../partition-session.ts'

export interface FloodAlarmOptions {
  readonly inARow: number
  readonly observer: Pick<EngineObserver, 'flood'>
}

/** Raises an alarm when a partition carries nothing but bad records for a while; they still go to quarantine. */
export class FloodAlarm {
  readonly #options: FloodAlarmOptions

  constructor(options: FloodAlarmOptions) {
    this.#options = options
  }

  observe(session: PartitionSession, { verdict }: CheckedRecord): void {
    const badInARow = session.countBad(verdict.kind === 'bad')
    if (verdict.kind !== 'bad') return
    const { inARow, observer } = this.#options
    // Once at the limit and then at each doubling: an alarm, not a log line per record.
    const doublings = Math.log2(badInARow / inARow)
    if (doublings >= 0 && Number.isInteger(doublings)) {
      observer.flood(session.partition, verdict.code, badInARow)
    }
  }
}
