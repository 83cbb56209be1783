import type { Clock } from '../../../runtime/clock.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import type { PartitionRef } from '../contracts.ts'
import { partitionKey } from '../contracts.ts'
import type { EngineObserver } from '../observer.ts'
import type { PartitionSession } from '../partition-session.ts'
import type { StoppedPartition } from '../stopped-partition.ts'
import { type BackoffTools, pauseMs } from './backoff.ts'
import { encodeStopNote } from './stop-note.ts'

export interface PartitionStopsOptions {
  readonly clock: Clock
  readonly random: BackoffTools['random']
  /** The first pause before the partition is tried again, and the longest. */
  readonly firstMs: number
  readonly maxMs: number
  /** How often a stop that lasts is told again. */
  readonly repeatMs: number
  readonly observer: Pick<EngineObserver, 'stopped' | 'healed'>
  /** Try the partition again. */
  readonly onRetry: (partition: PartitionRef) => void
}

interface Stop {
  stopped: StoppedPartition
  /** The first offset that could not be taken in or delivered; null: the partition could not even be opened. */
  blockedAt: bigint | null
  cancelRetry: () => void
  cancelRepeat: () => void
}

/**
 * Remembers which partitions are stopped and why, and when to try each again: at growing intervals, because nobody
 * tells a worker that a topic was set back or a newer version installed. A stop ends only by `healed`.
 */
export class PartitionStops {
  readonly #options: PartitionStopsOptions
  readonly #stops = new Map<string, Stop>()

  constructor(options: PartitionStopsOptions) {
    this.#options = options
  }

  /** `blockedAt`: the first offset that could not be taken in or delivered. */
  record(session: PartitionSession, error: unknown, blockedAt: bigint): void {
    const { partition } = session
    const key = partitionKey(partition)
    const before = this.#stops.get(key)
    const code = error instanceof DaybookError ? error.code : 'unknown'
    const isSame = before?.stopped.code === code
    const stopped: StoppedPartition = {
      partition,
      code,
      message: error instanceof DaybookError ? error.message : 'an error that this version does not know',
      since: isSame ? before.stopped.since : this.#options.clock.now(),
      attempts: (before?.stopped.attempts ?? 0) + 1,
    }
    const blocked = session.claim === null ? null : blockedAt
    if (before !== undefined && isSame) {
      const isFurther =
        blocked === null || before.blockedAt === null
          ? stopped.message !== before.stopped.message
          : blocked > before.blockedAt
      before.stopped = stopped
      before.blockedAt = blocked
      // The same kind of trouble further on is another one, and has its own remedy (which offsets are lost).
      if (isFurther) this.#options.observer.stopped(stopped, error)
      return
    }
    this.#forget(key)
    const cancelRetry = () => undefined
    this.#stops.set(key, { stopped, blockedAt: blocked, cancelRetry, cancelRepeat: this.#repeat(key) })
    this.#options.observer.stopped(stopped, error)
  }

  /** Whether a session that was opened again got past what had stopped the partition, or has nothing left to do. */
  isCuredBy(session: PartitionSession): boolean {
    const stop = this.#stops.get(session.key)
    if (stop === undefined || session.claim === null || session.intakeSignal.aborted) return false
    const { committable, highWatermark } = session
    if (stop.blockedAt === null || committable > stop.blockedAt) return true
    return highWatermark !== null && committable >= highWatermark
  }

  /** What is committed with the position of a stopped partition, for whoever looks at the group; null: not stopped. */
  note(partition: PartitionRef): string | null {
    const stopped = this.of(partition)
    return stopped === null ? null : encodeStopNote(stopped)
  }

  /** The partition will be tried again after a pause that grows with each attempt. */
  scheduleRetry(partition: PartitionRef): void {
    const stop = this.#stops.get(partitionKey(partition))
    if (stop === undefined) return
    const { clock, random, firstMs, maxMs, onRetry } = this.#options
    const tools = { clock, random, baseDelayMs: firstMs, maxDelayMs: maxMs }
    stop.cancelRetry()
    stop.cancelRetry = clock.after(pauseMs(tools, stop.stopped.attempts), () => onRetry(partition))
  }

  of(partition: PartitionRef): StoppedPartition | null {
    return this.#stops.get(partitionKey(partition))?.stopped ?? null
  }

  all(): readonly StoppedPartition[] {
    return [...this.#stops.values()].map(({ stopped }) => stopped)
  }

  /** The partition goes on. */
  healed(partition: PartitionRef): void {
    const stop = this.#stops.get(partitionKey(partition))
    if (stop === undefined) return
    this.#forget(partitionKey(partition))
    this.#options.observer.healed(stop.stopped)
  }

  /** Forgets those that this member no longer has; the pauses of the others begin anew with the next attempt. */
  keepOnly(partitions: readonly PartitionRef[]): void {
    const kept = new Set(partitions.map(partitionKey))
    for (const [key, stop] of [...this.#stops]) {
      stop.cancelRetry()
      if (!kept.has(key)) {
        this.#forget(key)
        this.#options.observer.healed(stop.stopped)
      }
    }
  }

  close(): void {
    for (const key of [...this.#stops.keys()]) this.#forget(key)
  }

  #repeat(key: string): () => void {
    const { clock, repeatMs, observer } = this.#options
    return clock.after(repeatMs, () => {
      const stop = this.#stops.get(key)
      if (stop === undefined) return
      observer.stopped(stop.stopped, null)
      stop.cancelRepeat = this.#repeat(key)
    })
  }

  #forget(key: string): void {
    const stop = this.#stops.get(key)
    stop?.cancelRetry()
    stop?.cancelRepeat()
    this.#stops.delete(key)
  }
}
