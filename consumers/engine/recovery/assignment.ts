import type { Failpoints } from '../../../runtime/failpoints.ts'
import type { AssignedPartition, Claim, LogBounds, PartitionRef, Sink, Source, Tip } from '../contracts.ts'
import { logLost, tipBeyondLog } from '../faults.ts'
import type { EngineObserver } from '../observer.ts'
import type { PartitionSession } from '../partition-session.ts'
import { higher } from '../range.ts'
import { type Attempted, type BackoffTools, untilDone } from './backoff.ts'
import { retried } from './retry-report.ts'

export interface AssignmentOptions {
  readonly source: Pick<Source, 'bounds'>
  readonly sink: Pick<Sink, 'claim'>
  readonly backoff: BackoffTools
  readonly failpoints: Failpoints
  readonly observer: EngineObserver
}

export interface Claimed {
  readonly claim: Claim
  readonly tip: Tip
}

/** Takes partitions over: exclusion first, then the tip, which is final from then on. */
export class Assignment {
  readonly #options: AssignmentOptions

  constructor(options: AssignmentOptions) {
    this.#options = options
  }

  /**
   * Opens a session where the store ends; the committed offset plays no part. Returns the position to read from:
   * the store's last record, where the log still has it for comparison, else the offset behind the tip. Null when
   * the session ended meanwhile.
   */
  async open(session: PartitionSession, assigned: AssignedPartition): Promise<bigint | null> {
    const attempt = await this.claimAndTip(session, 'claim', assigned)
    if (attempt.kind === 'over') return null
    const { claim, tip } = attempt.value
    const bounds = await this.#boundsFor(session, assigned, tip)
    if (bounds === null) return null
    checkLog(session.partition, tip, bounds)
    session.begin(claim, tip)
    this.#options.observer.claimed(session.partition, tip, session.next)
    return startPosition(session, bounds)
  }

  /** Claims and asks for the tip, each until it works or the session is over. */
  async claimAndTip(
    session: PartitionSession,
    step: 'claim' | 'reclaim',
    log?: LogBounds,
  ): Promise<Attempted<Claimed>> {
    const { sink, failpoints, observer } = this.#options
    const { partition, signal } = session
    await failpoints.hit('fence.before')
    const onRetry = retried(observer, step, session)
    const run = () => sink.claim(partition, signal, log)
    const claimed = await untilDone(this.#options.backoff, { run, signal, onRetry })
    if (claimed.kind === 'over') return claimed
    await failpoints.hit('fence.after')
    const tip = await this.tip(session, claimed.value)
    return tip.kind === 'over' ? tip : { kind: 'done', value: { claim: claimed.value, tip: tip.value } }
  }

  async tip(session: PartitionSession, claim: Claim): Promise<Attempted<Tip>> {
    const { failpoints, backoff, observer } = this.#options
    await failpoints.hit('tip.before')
    const onRetry = retried(observer, 'tip', session)
    const tip = await untilDone(backoff, {
      run: () => claim.tip(session.signal),
      signal: session.signal,
      onRetry,
    })
    await failpoints.hit('tip.after')
    session.waiting = null
    return session.isOver ? { kind: 'over' } : tip
  }

  /** An earlier owner may have delivered records that were written after the bounds were asked for: ask again. */
  async #boundsFor(
    session: PartitionSession,
    assigned: AssignedPartition,
    tip: Tip,
  ): Promise<LogBounds | null> {
    if (tip.last === null || tip.last < assigned.logEnd) return assigned
    const { source, backoff, observer } = this.#options
    const attempt = await untilDone(backoff, {
      run: () => source.bounds([session.partition]),
      signal: session.signal,
      onRetry: retried(observer, 'claim', session),
    })
    return attempt.kind === 'over' ? null : (attempt.value.get(session.key) ?? assigned)
  }
}

function checkLog(partition: PartitionRef, tip: Tip, bounds: LogBounds): void {
  if (tip.last !== null && tip.last >= bounds.logEnd) throw tipBeyondLog(partition, tip.last, bounds)
  const wanted = (tip.last ?? -1n) + 1n
  const lostThrough = bounds.logStart - 1n
  if (lostThrough < wanted) return
  if (tip.acceptedLossThrough === null || tip.acceptedLossThrough < lostThrough) {
    throw logLost(partition, wanted, lostThrough)
  }
}

function startPosition(session: PartitionSession, bounds: LogBounds): bigint {
  const compare = session.unverified?.offset
  if (compare !== undefined && compare >= bounds.logStart) return compare
  session.unverified = null
  return higher(session.next, bounds.logStart)
}
