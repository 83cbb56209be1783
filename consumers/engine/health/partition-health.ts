import type { PartitionRef } from '../contracts.ts'
import type { Commits } from '../flush/commits.ts'
import type { Pauses } from '../intake/fetch-pauses.ts'
import type { PartitionSession, Waiting } from '../partition-session.ts'
import type { PartitionStops } from '../recovery/partition-stops.ts'
import type { StoppedPartition } from '../stopped-partition.ts'
import type { Watchdog } from './watchdog.ts'

export interface PartitionHealth {
  readonly partition: PartitionRef
  /**
   * False when it is stopped, when there is lag and nothing was delivered for too long, or when nobody has said for too
   * long whether there is.
   */
  readonly healthy: boolean
  readonly state: 'claiming' | 'verifying' | 'idle' | 'open' | 'delivering' | 'recovering' | 'stopped'
  /** Why it is stopped; null while it is not. It is being tried again while `state` is another. */
  readonly stopped: StoppedPartition | null
  /** The step that is being tried again, and the code of its last error; null when nothing is in the way. */
  readonly waiting: Waiting | null
  /** Records taken in and not delivered. */
  readonly records: number
  /** Why fetching is paused. */
  readonly paused: readonly string[]
  /** The next offset to take in. */
  readonly next: bigint
  /** The store is known to hold everything below. */
  readonly done: bigint
  /** The committed position; 0 where there is none. */
  readonly committed: bigint
  readonly logEnd: bigint | null
  /** Offsets in the log that the store does not hold. */
  readonly lag: bigint
  /** Milliseconds since the partition was last seen to make progress or to have no lag. */
  readonly standingMs: number
}

/** Its leader is away, or cannot be reached from here: what lies behind the last answer is not known. */
const NO_LEADER: Waiting = { step: 'log', code: 'DAYBOOK_KAFKA_BROKER' }

/** A restart would find it open still. */
const OPEN_TRANSACTION: Waiting = { step: 'transaction', code: 'DAYBOOK_KAFKA_OPEN_TRANSACTION' }

export interface HealthView {
  readonly watchdog: Watchdog
  readonly commits: Commits
  readonly pauses: Pauses
  readonly stops: PartitionStops
  /** Longer without progress than this, with lag, is unhealthy. */
  readonly patienceMs: number
  /** Longer without an answer about its log than this, where there are answers about others, is unhealthy. */
  readonly boundsPatienceMs: number
}

export function partitionHealth(session: PartitionSession, view: HealthView): PartitionHealth {
  const { logEnd, lag, standingMs } = view.watchdog.look(session)
  const stopped = view.stops.of(session.partition)
  const isUnknown = view.watchdog.boundsAgeOf(session) > view.watchdog.boundsAgeMs + view.boundsPatienceMs
  return {
    partition: session.partition,
    healthy: stopped === null && !isUnknown && (lag === 0n || standingMs <= view.patienceMs),
    state: stopped !== null && session.isOver ? 'stopped' : stateOf(session),
    stopped,
    waiting: session.waiting ?? waitingFor(session, lag, isUnknown),
    records: session.bufferedRecords,
    paused: view.pauses.reasons(session.partition),
    next: session.next,
    done: session.doneThrough + 1n,
    committed: view.commits.committed(session),
    logEnd,
    lag,
    standingMs,
  }
}

function waitingFor(session: PartitionSession, lag: bigint, isUnknown: boolean): Waiting | null {
  if (isUnknown) return NO_LEADER
  return lag > 0n && session.isHeldByTransaction ? OPEN_TRANSACTION : null
}

function stateOf(session: PartitionSession): PartitionHealth['state'] {
  if (session.claim === null) return 'claiming'
  if (session.recovering) return 'recovering'
  if (session.delivering) return 'delivering'
  if (session.unverified !== null) return 'verifying'
  return session.hasUndelivered ? 'open' : 'idle'
}
