import type { Clock } from '../../runtime/clock.ts'
import type { Failpoints } from '../../runtime/failpoints.ts'
import type { Checker, CutPolicy, Sink, Source } from './contracts.ts'
import type { EngineObserver } from './observer.ts'

export interface EngineOptions {
  readonly source: Source
  /** Not closed by the engine: whoever made it closes it after `stop`. */
  readonly sink: Sink
  readonly checker: Checker
  readonly cut: CutPolicy
  readonly limits?: Partial<EngineLimits>
  readonly clock: Clock
  readonly failpoints: Failpoints
  readonly observer: EngineObserver
  /** Uniform in [0, 1): jitter of the back-off. */
  readonly random: () => number
}

export interface EngineLimits {
  /** What undelivered records hold over all partitions (`heldBytes`); intake ends at a quarter more. */
  readonly memoryBytes: number
  /** Fetching goes on again when the undelivered bytes have fallen to this. */
  readonly memoryLowBytes: number
  /** Sink writes under way at the same time. */
  readonly concurrentDeliveries: number
  /** A delivery takes ready ranges of several partitions up to these; one range alone may exceed them. */
  readonly deliveryRows: number
  readonly deliveryBytes: number
  readonly deliveryRanges: number
  /** When a range is cut by age, others of at least this share of that age go along; 1: none. */
  readonly gatherAgeRatio: number
  /**
   * So many open bytes are cut while the sink could take another delivery, fewer where memory is short; Infinity: never
   * before their time.
   */
  readonly earlyFlushBytes: number
  /** The same while the sink writes nothing. */
  readonly idleFlushBytes: number
  readonly backoffFirstMs: number
  readonly backoffMaxMs: number
  /** A partition with lag is unhealthy when nothing of it was delivered for `cut.maxAgeMs` plus this. */
  readonly stallMs: number
  readonly watchdogMs: number
  /**
   * The pause before a stopped partition is tried again, at first and at most; and how often its stop is told again.
   * Texts promise that it goes on within a minute of the mend.
   */
  readonly stopRetryFirstMs: number
  readonly stopRetryMaxMs: number
  readonly stopRepeatMs: number
  /** So many bad records in a row in one partition raise the flood alarm. */
  readonly floodInARow: number
}

const MIB = 1024 * 1024

export const DEFAULT_LIMITS: EngineLimits = {
  memoryBytes: 256 * MIB,
  memoryLowBytes: 128 * MIB,
  concurrentDeliveries: 1,
  deliveryRows: 500_000,
  deliveryBytes: 64 * MIB,
  deliveryRanges: 1_000,
  gatherAgeRatio: 1,
  earlyFlushBytes: Number.POSITIVE_INFINITY,
  idleFlushBytes: Number.POSITIVE_INFINITY,
  backoffFirstMs: 100,
  backoffMaxMs: 30_000,
  stallMs: 60_000,
  watchdogMs: 5_000,
  stopRetryFirstMs: 2_000,
  stopRetryMaxMs: 45_000,
  stopRepeatMs: 60_000,
  floodInARow: 100,
}
