import type { Clock } from '../../../runtime/clock.ts'
import type { LogBounds, PartitionRef, Source } from '../contracts.ts'
import { tipBeyondLog } from '../faults.ts'
import type { PartitionSession } from '../partition-session.ts'
import { higher } from '../range.ts'

export interface WatchdogOptions {
  readonly source: Pick<Source, 'bounds'>
  readonly clock: Clock
  readonly intervalMs: number
  readonly sessions: () => readonly PartitionSession[]
  /** The partition cannot go on. */
  readonly onFault: (session: PartitionSession, error: unknown) => void
}

interface Progress {
  done: bigint
  logEnd: bigint | null
  /** When the partition last made progress or had no lag. */
  at: number
  /** When a broker last said where its log ends. */
  boundsAt: number
}

/**
 * Watches the position of every assigned partition against the log itself. Heartbeats and fetches that return
 * nothing prove nothing: a source may stall in silence. Survives rebalances, so that a partition that never gets
 * anywhere between them still turns red.
 */
export class Watchdog {
  readonly #options: WatchdogOptions
  readonly #progress = new Map<string, Progress>()
  #boundsAt: number
  #cancel: () => void = () => undefined
  #stopped = false

  constructor(options: WatchdogOptions) {
    this.#options = options
    this.#boundsAt = options.clock.now()
  }

  start(): void {
    this.#boundsAt = this.#options.clock.now()
    this.#schedule()
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }

  get boundsAgeMs(): number {
    return this.#options.clock.now() - this.#boundsAt
  }

  /** Where `session` stands; `logEnd` is null until the log was asked or a batch told it. */
  look(session: PartitionSession): { logEnd: bigint | null; lag: bigint; standingMs: number } {
    const now = this.#options.clock.now()
    const progress = this.#progressOf(session)
    const logEnd = later(progress.logEnd, session.highWatermark)
    const done = higher(session.committable, progress.done)
    const lag = logEnd === null || logEnd <= done ? 0n : logEnd - done
    if (lag === 0n || done > progress.done) progress.at = now
    progress.done = done
    progress.logEnd = logEnd
    return { logEnd, lag, standingMs: now - progress.at }
  }

  /** Since when no broker has said where the log of this partition ends: others may be asked meanwhile. */
  boundsAgeOf(session: PartitionSession): number {
    return this.#options.clock.now() - this.#progressOf(session).boundsAt
  }

  #progressOf({ key }: PartitionSession): Progress {
    const known = this.#progress.get(key)
    if (known !== undefined) return known
    const now = this.#options.clock.now()
    const progress = { done: 0n, logEnd: null, at: now, boundsAt: now }
    this.#progress.set(key, progress)
    return progress
  }

  #schedule(): void {
    if (this.#stopped) return
    const { clock, intervalMs } = this.#options
    this.#cancel = clock.after(intervalMs, () => void this.#ask().finally(() => this.#schedule()))
  }

  /** A log that cannot be asked is no fault by itself: `boundsAgeMs` grows. Never rejects. */
  async #ask(): Promise<void> {
    const { source, clock, sessions, onFault } = this.#options
    const before = sessions().map((session) => ({ session, done: session.doneThrough }))
    this.#forgetOthers(before.map(({ session }) => session))
    const answer = await boundsOrNull(
      source,
      before.map(({ session }) => session.partition),
    )
    if (answer === null) return
    this.#boundsAt = clock.now()
    for (const { session, done } of before) {
      const bounds = answer.get(session.key)
      if (bounds === undefined) {
        this.look(session)
        continue
      }
      // Of a stopped partition too: its lag grows.
      session.sawBounds(bounds)
      this.#progressOf(session).boundsAt = clock.now()
      this.look(session)
      // The log was cut below what is stored already: new records would come under offsets that count as done.
      if (!session.isOver && done >= bounds.logEnd)
        onFault(session, tipBeyondLog(session.partition, done, bounds))
    }
  }

  #forgetOthers(current: readonly PartitionSession[]): void {
    const keys = new Set(current.map((session) => session.key))
    for (const key of this.#progress.keys()) if (!keys.has(key)) this.#progress.delete(key)
  }
}

async function boundsOrNull(
  source: Pick<Source, 'bounds'>,
  partitions: readonly PartitionRef[],
): Promise<ReadonlyMap<string, LogBounds> | null> {
  if (partitions.length === 0) return new Map()
  try {
    return await source.bounds(partitions)
  } catch {
    return null
  }
}

function later(a: bigint | null, b: bigint | null): bigint | null {
  if (a === null || b === null) return a ?? b
  return higher(a, b)
}
