import type { Failpoints } from '../../../runtime/failpoints.ts'
import { isRetryable } from '../../../schemas/errors.ts'
import type { Claim, LogBounds, PartitionFacts, Sink, Source, Tip } from '../contracts.ts'
import { logLost, tipBeyondLog } from '../faults.ts'
import type { EngineObserver } from '../observer.ts'
import type { PartitionSession } from '../partition-session.ts'
import { higher } from '../range.ts'
import { type Attempted, type BackoffTools, untilDone } from './backoff.ts'
import { retried } from './retry-report.ts'

export interface AssignmentOptions {
  readonly source: Pick<Source, 'facts'>
  readonly sink: Pick<Sink, 'claim'>
  readonly backoff: BackoffTools
  readonly failpoints: Failpoints
  readonly observer: EngineObserver
}

export interface Claimed {
  readonly claim: Claim
  readonly tip: Tip
}

/** What passes, such as a lost connection or a leader that moves, stops a partition only when it lasts longer. */
const PASSING_MS = 60_000

type ReadableFacts = Extract<PartitionFacts, { readonly ok: true }>

/** Takes partitions over: exclusion first, then the tip, which is final from then on. */
export class Assignment {
  readonly #options: AssignmentOptions

  constructor(options: AssignmentOptions) {
    this.#options = options
  }

  /**
   * Opens a session where the store ends; the committed offset plays no part. Returns the position to read from: the
   * store's last record, where the log still has it for comparison, else the offset behind the tip. Null when the
   * session ended meanwhile. `facts`: what Kafka said of the partition lately; null: ask.
   * @throws what stops the partition
   */
  async open(session: PartitionSession, given: PartitionFacts | null): Promise<bigint | null> {
    const isKnown = given !== null && (given.ok || !isRetryable(given.error))
    const facts = isKnown ? given : await this.#ask(session)
    if (facts === null) return null
    if (!facts.ok) throw facts.error
    const attempt = await this.claimAndTip(session, 'claim', facts)
    if (attempt.kind === 'over') return null
    const { claim, tip } = attempt.value
    const bounds = await this.#boundsFor(session, facts, tip)
    if (bounds === null) return null
    checkLog(session, tip, bounds)
    session.begin(claim, tip)
    session.sawBounds(bounds)
    this.#options.observer.claimed(session.partition, tip, session.next)
    return startPosition(session, bounds)
  }

  /** Claims and asks for the tip, each until it works or the session is over. */
  async claimAndTip(
    session: PartitionSession,
    step: 'claim' | 'reclaim',
    log: LogBounds | null,
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
    session.goesOn()
    return session.isOver ? { kind: 'over' } : tip
  }

  /** Null when the session is over. */
  async #ask(session: PartitionSession): Promise<PartitionFacts | null> {
    const { source, backoff, observer } = this.#options
    const until = backoff.clock.now() + PASSING_MS
    const run = async (): Promise<PartitionFacts> => {
      const facts = (await source.facts([session.partition])).get(session.key)
      if (facts === undefined) throw new RangeError('the source does not know the partition that it assigned')
      if (!facts.ok && isRetryable(facts.error) && backoff.clock.now() < until) throw facts.error
      return facts
    }
    const onRetry = retried(observer, 'claim', session)
    const attempt = await untilDone(backoff, { run, signal: session.signal, onRetry })
    return attempt.kind === 'over' ? null : attempt.value
  }

  /** An earlier owner may have delivered records that were written after the bounds were asked for: ask again. */
  async #boundsFor(session: PartitionSession, facts: ReadableFacts, tip: Tip): Promise<LogBounds | null> {
    if (tip.last === null || tip.last < facts.logEnd) return facts
    const later = await this.#ask(session)
    if (later?.ok === false) throw later.error
    return later
  }
}

function checkLog(session: PartitionSession, tip: Tip, bounds: LogBounds): void {
  const { partition } = session
  if (tip.last !== null && tip.last >= bounds.logEnd) throw tipBeyondLog(partition, tip.last, bounds)
  const wanted = (tip.last ?? -1n) + 1n
  const lostThrough = bounds.logStart - 1n
  if (lostThrough < wanted) return
  if (tip.acceptedLossThrough === null || tip.acceptedLossThrough < lostThrough) {
    session.cannotFollow(tip)
    throw logLost(partition, wanted, lostThrough)
  }
}

function startPosition(session: PartitionSession, bounds: LogBounds): bigint {
  const compare = session.unverified?.offset
  if (compare !== undefined && compare >= bounds.logStart) return compare
  session.takeUnverified()
  return higher(session.next, bounds.logStart)
}
