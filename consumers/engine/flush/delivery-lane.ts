import type { Clock } from '../../../runtime/clock.ts'
import { isRetryable } from '../../../schemas/errors.ts'
import type { Delivery, Range, RangeOutcome, Sink } from '../contracts.ts'
import type { EngineObserver } from '../observer.ts'
import type { EngineLimits } from '../options.ts'
import type { PartitionSession } from '../partition-session.ts'

export interface DeliveryLaneOptions {
  readonly sink: Pick<Sink, 'deliver' | 'isSlow'>
  readonly limits: EngineLimits
  readonly clock: Clock
  readonly observer: EngineObserver
  readonly sessions: () => Iterable<PartitionSession>
  /** Aborts running deliveries; only when the process gives up. */
  readonly signal: AbortSignal
  readonly onDelivered: (session: PartitionSession) => void
  readonly onFenced: (session: PartitionSession) => void
  /** A retryable throw: part or all of the range may be in the store. */
  readonly onAmbiguous: (session: PartitionSession, error: unknown) => void
  /** After each delivery, whatever became of it. */
  readonly onEnded: () => void
  /** The partition cannot go on. */
  readonly onFault: (session: PartitionSession, error: unknown) => void
}

/** Takes a store the better part of a second, and if its events are copies of others, seconds. */
const LARGE_RANGE_BYTES = 16 * 1024 * 1024

/** While a slow one is prepared it takes as much memory again, and more. */
const SLOW_DELIVERY_BYTES = 16 * 1024 * 1024

/** Nearly all deliveries take less where their store is well. */
export const STUCK_MS = 2_000

/** A delivery that is under way. */
interface Running {
  /** Milliseconds since the Unix epoch. */
  readonly startedAt: number
  /** Its ranges are such as the sink calls slow. */
  readonly isSlow: boolean
}

interface Load {
  readonly session: PartitionSession
  readonly delivery: Delivery
}

/** Writes ready ranges: one per partition at a time, several partitions in one sink call. */
export class DeliveryLane {
  readonly #options: DeliveryLaneOptions
  readonly #running = new Set<Running>()
  #turn = 0

  constructor(options: DeliveryLaneOptions) {
    this.#options = options
  }

  /** Whether another delivery could begin now, if there were something to deliver. */
  get hasRoom(): boolean {
    return this.#running.size < this.#options.limits.concurrentDeliveries
  }

  get isIdle(): boolean {
    return this.#running.size === 0
  }

  /** Whether a delivery is under way that began lately: older ones are not counted on to set memory free. */
  get isMoving(): boolean {
    const stuckBefore = this.#options.clock.now() - STUCK_MS
    return [...this.#running].some(({ startedAt }) => startedAt > stuckBefore)
  }

  /** Starts as many deliveries as the limits allow. Call whenever a session may have become ready. */
  pump(): void {
    while (this.hasRoom) {
      const loads = this.#take()
      const [first] = loads
      if (first === undefined) return
      const isSlow = this.#isSlow(first.delivery.range)
      const running = { startedAt: this.#options.clock.now(), isSlow }
      this.#running.add(running)
      for (const { session } of loads) session.deliveryStarted()
      this.#deliver(loads)
        .catch((error: unknown) => {
          for (const { session } of loads) this.#options.onFault(session, error)
        })
        .finally(() => {
          this.#running.delete(running)
          this.#options.onEnded()
          this.pump()
        })
    }
  }

  /**
   * Ready ranges up to the limits; each call begins with another partition, so that none starves. Large ranges
   * go by themselves: small ones, which are with the store in no time, would wait for them.
   */
  #take(): Load[] {
    const { limits, sessions, signal } = this.#options
    if (signal.aborted) return []
    const slow = [...this.#running].filter(({ isSlow }) => isSlow).length
    const mayBeSlow = slow < Math.max(1, limits.concurrentDeliveries - 1)
    const loads: Load[] = []
    let areSlow: boolean | null = null
    let areLarge: boolean | null = null
    let rows = 0
    let bytes = 0
    for (const session of this.#inTurn([...sessions()].filter((session) => session.ready))) {
      const { head: range, claim } = session
      if (range === undefined || claim === null) continue
      const own = this.#isSlow(range)
      if (own && !mayBeSlow) continue
      areSlow ??= own
      const large = range.bytes >= LARGE_RANGE_BYTES
      areLarge ??= large
      if (own !== areSlow || large !== areLarge) continue
      rows += range.records.length
      bytes += range.bytes
      const mostBytes = areSlow ? Math.min(SLOW_DELIVERY_BYTES, limits.deliveryBytes) : limits.deliveryBytes
      const fits = rows <= limits.deliveryRows && bytes <= mostBytes
      if (loads.length > 0 && !fits) break
      loads.push({ session, delivery: { claim, range } })
      if (loads.length >= limits.deliveryRanges) break
    }
    return loads
  }

  #isSlow(range: Range): boolean {
    return this.#options.sink.isSlow?.(range) ?? false
  }

  #inTurn(ready: readonly PartitionSession[]): PartitionSession[] {
    if (ready.length === 0) return []
    const start = this.#turn++ % ready.length
    return [...ready.slice(start), ...ready.slice(0, start)]
  }

  async #deliver(loads: readonly Load[]): Promise<void> {
    const { sink, clock, observer, signal } = this.#options
    const ranges = loads.map((load) => load.delivery.range)
    const startedAt = clock.now()
    observer.deliveryStarted(ranges)
    const result = await sink
      .deliver(
        loads.map((load) => load.delivery),
        signal,
      )
      .then(
        (outcomes) => ({ outcomes, error: null }),
        (error: unknown) => ({ outcomes: null, error }),
      )
    observer.deliveryEnded(ranges, result.outcomes, clock.now() - startedAt)
    loads.forEach(({ session }, at) => {
      this.#settle(session, result.outcomes === null ? null : result.outcomes[at], result.error)
    })
  }

  /** Results for a session that is over count for nothing: whoever claims next asks the store. */
  #settle(session: PartitionSession, outcome: RangeOutcome | null | undefined, error: unknown): void {
    session.deliveryEnded()
    if (session.isOver) session.releaseRunning()
    else if (outcome === 'delivered') {
      session.delivered()
      this.#options.onDelivered(session)
    } else if (outcome === 'fenced') this.#options.onFenced(session)
    else this.#failed(session, outcome === null || outcome === undefined ? error : outcome.error)
  }

  /** A missing outcome (its error is null) says nothing, like a retryable throw. */
  #failed(session: PartitionSession, error: unknown): void {
    if (error !== null && !isRetryable(error)) this.#options.onFault(session, error)
    else this.#options.onAmbiguous(session, error)
  }
}
