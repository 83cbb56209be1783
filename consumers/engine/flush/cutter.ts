import type { Clock } from '../../../runtime/clock.ts'
import type { Failpoints } from '../../../runtime/failpoints.ts'
import type { CutPolicy, SourceRecord } from '../contracts.ts'
import type { CutCause, EngineObserver } from '../observer.ts'
import type { PartitionSession } from '../partition-session.ts'

export interface CutterOptions {
  readonly cut: CutPolicy
  readonly gatherAgeRatio: number
  readonly clock: Clock
  readonly failpoints: Failpoints
  readonly observer: EngineObserver
  /** Whether a range of this session would be delivered at once. */
  readonly isFree: (session: PartitionSession) => boolean
  /** A range is ready. */
  readonly onCut: () => void
  readonly onFault: (session: PartitionSession, error: unknown) => void
}

interface Age {
  readonly since: number
  readonly cancel: () => void
}

/** Closes open ranges: by rows, bytes, age or boundary of its own accord, for other causes when it is told to. */
export class Cutter {
  readonly #options: CutterOptions
  readonly #ages = new Map<PartitionSession, Age>()

  constructor(options: CutterOptions) {
    this.#options = options
  }

  /** Why `record` must not join the open range, or null. */
  before(session: PartitionSession, record: SourceRecord): CutCause | null {
    const { cut } = this.#options
    const first = session.open.firstRecord
    if (first === null) return null
    if (session.open.rows >= cut.maxRows) return 'rows'
    if (session.open.bytes + record.size > cut.maxBytes) return 'bytes'
    return cut.boundary?.(first, record) === true ? 'boundary' : null
  }

  /** Why the open range is full, or null; starts the clock of a range's first record. */
  after(session: PartitionSession): CutCause | null {
    const { cut, clock } = this.#options
    if (session.open.rows >= cut.maxRows) return 'rows'
    if (session.open.bytes >= cut.maxBytes) return 'bytes'
    if (!this.#ages.has(session)) {
      const cancel = clock.after(cut.maxAgeMs, () => this.#aged(session))
      this.#ages.set(session, { since: clock.now(), cancel })
    }
    return null
  }

  /** Closes the open range, if it has a record by then. */
  async cut(session: PartitionSession, cause: CutCause): Promise<void> {
    const { failpoints, observer, onCut } = this.#options
    await failpoints.hit('cut.before')
    if (session.isOver) return this.forget(session)
    this.forget(session)
    const range = session.cut()
    if (range === null) return
    observer.cut(range, cause)
    await failpoints.hit('cut.after')
    onCut()
  }

  /** The session's age no longer counts. */
  forget(session: PartitionSession): void {
    this.#ages.get(session)?.cancel()
    this.#ages.delete(session)
  }

  /** Closes the ranges that grew old while they could not have been delivered. Call after a delivery has ended. */
  cutOverdue(): void {
    const { cut, clock } = this.#options
    const old = clock.now() - cut.maxAgeMs
    for (const [session, { since }] of [...this.#ages]) if (since <= old) this.#aged(session)
  }

  /**
   * While the sink is busy an old range grows on: closing it would make the deliveries of a worker that falls behind
   * smaller, and none of them earlier.
   *
   * Ranges that are nearly as old go along. From then on these partitions keep step, and share deliveries, where
   * each would otherwise have one of its own in every `maxAgeMs`.
   */
  #aged(session: PartitionSession): void {
    const { cut, clock, gatherAgeRatio, isFree, onFault } = this.#options
    if (!isFree(session)) return
    this.cut(session, 'age').catch((error: unknown) => onFault(session, error))
    if (gatherAgeRatio >= 1) return
    const old = clock.now() - cut.maxAgeMs * gatherAgeRatio
    for (const [other, { since }] of this.#ages) {
      if (other !== session && since <= old && isFree(other))
        this.cut(other, 'age').catch((error: unknown) => onFault(other, error))
    }
  }
}
