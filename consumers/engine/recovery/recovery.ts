import type { Pauses } from '../intake/fetch-pauses.ts'
import type { EngineObserver, RetriedStep } from '../observer.ts'
import type { PartitionSession } from '../partition-session.ts'
import type { Assignment } from './assignment.ts'
import { type BackoffTools, pauseMs } from './backoff.ts'
import { retried } from './retry-report.ts'

export interface RecoveryOptions {
  readonly assignment: Assignment
  readonly backoff: BackoffTools
  readonly pauses: Pauses
  readonly observer: EngineObserver
  /** The session may go on; what it holds may have grown. */
  readonly onRecovered: (session: PartitionSession) => void
}

/** What follows a delivery that did not simply succeed. The rest of the partitions goes on meanwhile. */
export class Recovery {
  readonly #options: RecoveryOptions

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  /**
   * After a throw: the store is asked before anything is sent again. What it holds is settled; what it does not
   * hold waits for the back-off.
   */
  async ambiguous(session: PartitionSession, error: unknown): Promise<void> {
    const { claim } = session
    if (claim === null) return
    await this.#standingStill(session, async (attempt) => {
      const tip = await this.#options.assignment.tip(session, claim)
      if (tip.kind === 'over') return
      const before = session.doneThrough
      session.applyTip(tip.value, 'self')
      if (session.doneThrough === before) await this.#backOff(session, 'deliver', attempt, error)
    })
  }

  /**
   * Another claim was taken. If this generation is still current, that was a zombie's, or another group member's
   * whose time is over: wait (the next generation may be on its way), then claim again and deliver what lies beyond
   * the new tip.
   */
  async fenced(session: PartitionSession): Promise<void> {
    const { observer, assignment } = this.#options
    observer.fenced(session.partition)
    await this.#standingStill(session, async (attempt) => {
      await this.#backOff(session, 'reclaim', attempt, null)
      if (session.isOver) return
      const claimed = await assignment.claimAndTip(session, 'reclaim', null)
      if (claimed.kind === 'over') return
      session.renew(claimed.value.claim, claimed.value.tip)
    })
  }

  async #standingStill(
    session: PartitionSession,
    recover: (attempt: number) => Promise<void>,
  ): Promise<void> {
    const { pauses } = this.#options
    const attempt = session.recoveryStarted()
    pauses.pause([session.partition], 'backoff')
    await recover(attempt)
    session.recoveryEnded()
    if (session.isOver) return
    session.goesOn()
    // While its deliveries fail it takes in no more: what it holds leaves that much less room to the others.
    if (!session.isFailing) pauses.resume([session.partition], 'backoff')
    this.#options.onRecovered(session)
  }

  /** A delivery succeeded. */
  succeeded({ partition }: PartitionSession): void {
    this.#options.pauses.resume([partition], 'backoff')
  }

  #backOff(session: PartitionSession, step: RetriedStep, attempt: number, error: unknown): Promise<void> {
    const { backoff, observer } = this.#options
    const delayMs = pauseMs(backoff, attempt)
    retried(observer, step, session)(delayMs, error)
    return backoff.clock.sleep(delayMs, session.signal)
  }
}
