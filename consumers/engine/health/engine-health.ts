import type { DaybookError } from '../../../schemas/errors.ts'
import type { CutPolicy } from '../contracts.ts'
import type { MemoryBudget } from '../intake/memory-budget.ts'
import type { EngineLimits } from '../options.ts'
import type { PartitionSession } from '../partition-session.ts'
import { type HealthView, type PartitionHealth, partitionHealth } from './partition-health.ts'

export type EngineState = 'idle' | 'running' | 'stopping' | 'stopped' | 'failed'

export interface EngineHealth {
  readonly healthy: boolean
  /**
   * False when a restart may help: the engine has failed, the log's ends are not known for long, or a partition with
   * lag stands still and nothing says why. A stopped partition is no reason: a restart would find the same cause.
   */
  readonly alive: boolean
  readonly state: EngineState
  readonly generation: number | null
  /** The error that stopped the engine. */
  readonly failure: unknown
  readonly bufferedBytes: number
  /** Since when the log could not be asked for its ends, in milliseconds; 0 where the last answer is fresh. */
  readonly boundsUnknownMs: number
  /**
   * Since when the engine waits for its first generation of the group, in milliseconds; null where it has had one, or
   * does not run. It is not healthy meanwhile: nothing is delivered by a worker that the group has not taken in. One
   * that was given no partition, because there are more workers than partitions, is healthy, and so is one that waits
   * for a later generation: it reads on.
   */
  readonly withoutGroupMs: number | null
  readonly partitions: readonly PartitionHealth[]
  /** What is wrong with topics, by topic; such a worker is not healthy, though it may read them on. */
  readonly concerns: ReadonlyMap<string, DaybookError>
}

export interface EngineView extends Omit<HealthView, 'patienceMs' | 'boundsPatienceMs'> {
  readonly memory: MemoryBudget
  readonly limits: EngineLimits
  readonly cut: CutPolicy
  readonly state: EngineState
  readonly generation: number | null
  readonly withoutGroupMs: number | null
  readonly failure: unknown
  readonly sessions: readonly PartitionSession[]
  readonly concerns: ReadonlyMap<string, DaybookError>
}

export function engineHealth(view: EngineView): EngineHealth {
  const { state, generation, withoutGroupMs, failure, limits } = view
  const patienceMs = view.cut.maxAgeMs + limits.stallMs
  const boundsPatienceMs = limits.stallMs + limits.watchdogMs
  const partitions = view.sessions.map((session) =>
    partitionHealth(session, { ...view, patienceMs, boundsPatienceMs }),
  )
  const boundsUnknownMs = view.watchdog.boundsAgeMs
  const isWatching = boundsUnknownMs <= boundsPatienceMs
  const runs = (state === 'running' || state === 'stopping') && isWatching
  return {
    healthy:
      runs &&
      withoutGroupMs === null &&
      view.concerns.size === 0 &&
      partitions.every(({ healthy }) => healthy),
    alive: runs && partitions.every(isExplained),
    state,
    generation,
    failure,
    bufferedBytes: view.memory.bytes,
    boundsUnknownMs,
    withoutGroupMs,
    partitions,
    concerns: new Map(view.concerns),
  }
}

/**
 * To take a partition over may take a store minutes, where it has much to look through or many are taken over at once,
 * and a restart would begin again.
 */
const CLAIM_PATIENCE_MS = 10 * 60_000

/** The partition moves, or says what it waits for. */
function isExplained({ healthy, state, stopped, waiting, standingMs }: PartitionHealth): boolean {
  if (state === 'claiming' && standingMs < CLAIM_PATIENCE_MS) return true
  return healthy || stopped !== null || waiting !== null
}
