import type { Clock } from '../../../runtime/clock.ts'
import type { CheckedRecord } from '../contracts.ts'
import type { EngineObserver } from '../observer.ts'
import type { PartitionSession } from '../partition-session.ts'

export interface FloodAlarmOptions {
  readonly inARow: number
  readonly clock: Pick<Clock, 'now'>
  readonly observer: Pick<EngineObserver, 'flood'>
}

/** A flood with a good record now and then starts anew each time: within this only a longer one is reported. */
const QUIET_MS = 60_000

/** Raises an alarm when a partition carries nothing but bad records for a while; they still go to quarantine. */
export class FloodAlarm {
  readonly #options: FloodAlarmOptions
  readonly #raised = new WeakMap<PartitionSession, { readonly at: number; readonly inARow: number }>()

  constructor(options: FloodAlarmOptions) {
    this.#options = options
  }

  observe(session: PartitionSession, { verdict }: CheckedRecord): void {
    const badInARow = session.countBad(verdict.kind === 'bad')
    if (verdict.kind !== 'bad') return
    const { inARow, clock, observer } = this.#options
    // Once at the limit and then at each doubling: an alarm, not a log line per record.
    if (badInARow % inARow !== 0 || !Number.isInteger(Math.log2(badInARow / inARow))) return
    const [at, last] = [clock.now(), this.#raised.get(session)]
    if (last !== undefined && at - last.at < QUIET_MS && badInARow <= last.inARow) return
    this.#raised.set(session, { at, inARow: badInARow })
    observer.flood(session.partition, verdict.code, badInARow)
  }
}
