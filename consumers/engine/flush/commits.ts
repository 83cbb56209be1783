import type { Failpoints } from '../../../runtime/failpoints.ts'
import { Condition } from '../condition.ts'
import type { CommitMark, Committed, PartitionRef, Source } from '../contracts.ts'
import type { EngineObserver } from '../observer.ts'
import type { PartitionSession } from '../partition-session.ts'
import { type BackoffTools, pauseMs } from '../recovery/backoff.ts'

export interface CommitsOptions {
  readonly source: Pick<Source, 'commit'>
  readonly backoff: BackoffTools
  readonly failpoints: Failpoints
  readonly observer: EngineObserver
}

/**
 * Commits what is delivered, one request at a time; what is delivered meanwhile goes into the next one. A commit is
 * only a hint to the group: failing is never fatal, and after a rebalance what was pending is dropped.
 */
export class Commits {
  readonly #options: CommitsOptions
  readonly #condition = new Condition()
  readonly #pending = new Set<PartitionSession>()
  readonly #committed = new WeakMap<PartitionSession, CommitMark>()
  /** Whose commit was refused and is to be tried again. */
  readonly #later = new WeakSet<PartitionSession>()
  #running = false
  #pause = new AbortController()

  constructor(options: CommitsOptions) {
    this.#options = options
  }

  /** The session's position or note may have changed. */
  consider(session: PartitionSession): void {
    if (session.isVoid) return
    const before = this.lastMark(session)
    const mark = markOf(session)
    if (session.claim === null && mark.note === (before?.note ?? null)) return
    if (mark.position === (before?.position ?? 0n) && mark.note === (before?.note ?? null)) return
    this.#pending.add(session)
    if (!this.#running) void this.#run()
  }

  /** A new generation may commit, or none will: what waits is not to wait for the end of its pause. */
  wake(): void {
    this.#pause.abort()
    this.#pause = new AbortController()
  }

  /** The last position that was committed, by this session or before it; 0 where there is none. */
  committed(session: PartitionSession): bigint {
    return this.lastMark(session)?.position ?? 0n
  }

  /** What was committed last, by this session or before it. */
  lastMark(session: PartitionSession): Committed | null {
    return this.#committed.get(session) ?? session.committedBefore
  }

  /** Resolves true when nothing is left to commit, false when `signal` aborts first. */
  settled(signal: AbortSignal): Promise<boolean> {
    return this.#condition.until(() => !this.#running, signal)
  }

  async #run(): Promise<void> {
    this.#running = true
    for (let failures = 0; this.#pending.size > 0; ) {
      const sessions = this.#take()
      const failed = sessions.length > 0 && !(await this.#commit(sessions, failures))
      failures = failed ? failures + 1 : 0
    }
    this.#running = false
    this.#condition.changed()
  }

  /** The pending sessions of one generation. */
  #take(): PartitionSession[] {
    const alive = [...this.#pending].filter((session) => !session.isVoid)
    this.#pending.clear()
    return alive
  }

  async #commit(sessions: readonly PartitionSession[], failures: number): Promise<boolean> {
    const { source, failpoints, observer } = this.#options
    await failpoints.hit('commit.before')
    const alive = sessions.filter((session) => !session.isVoid)
    const [first] = alive
    if (first === undefined) return true
    const marks = new Map(alive.map((session) => [session.partition, markOf(session)]))
    let refused: ReadonlyMap<PartitionRef, unknown>
    try {
      refused = await source.commit(first.generation, marks)
    } catch (error) {
      await this.#backOff(alive, failures, error)
      return false
    }
    for (const session of alive) {
      if (refused.has(session.partition)) continue
      const mark = marks.get(session.partition) ?? markOf(session)
      this.#committed.set(session, mark)
      observer.committed(session.partition, mark.position)
    }
    await failpoints.hit('commit.after')
    for (const session of alive)
      if (refused.has(session.partition)) this.#tryLater(session, refused.get(session.partition))
    return true
  }

  /** One partition's commit was not taken, as of a topic that is gone: the others, and the end, do not wait for it. */
  #tryLater(session: PartitionSession, error: unknown): void {
    const { backoff, observer } = this.#options
    if (this.#later.has(session)) return
    this.#later.add(session)
    const delayMs = backoff.maxDelayMs
    observer.retrying('commit', session.partition, delayMs, error)
    backoff.clock.after(delayMs, () => {
      this.#later.delete(session)
      this.consider(session)
    })
  }

  async #backOff(sessions: readonly PartitionSession[], failures: number, error: unknown): Promise<void> {
    const { backoff, observer } = this.#options
    const delayMs = pauseMs(backoff, failures + 1)
    observer.retrying('commit', null, delayMs, error)
    // Not ended by the end of a session: a stopped partition's session has ended, and its stop is committed all the same.
    await backoff.clock.sleep(delayMs, this.#pause.signal)
    for (const session of sessions) if (!session.isVoid) this.#pending.add(session)
  }
}

/**
 * A session that has not begun knows nothing of what is delivered, whatever was committed before, so it commits 0:
 * nobody reads from a committed position, and the lag that this shows is what is known. Where it did not begin because
 * the log has lost what follows, the store was asked, and that is committed.
 */
function markOf(session: PartitionSession): CommitMark {
  const position = session.claim === null ? (session.heldBeforeLoss ?? 0n) : session.committable
  return { position, note: session.note }
}
