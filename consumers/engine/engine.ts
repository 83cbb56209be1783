import { type DaybookError, scopeOf } from '../../schemas/errors.ts'
import { Condition } from './condition.ts'
import type {
  AssignedPartition,
  PartitionFacts,
  PartitionRef,
  SourceBatch,
  SourceListener,
} from './contracts.ts'
import { partitionKey } from './contracts.ts'
import { type EngineHealth, type EngineState, engineHealth } from './health/engine-health.ts'
import { DEFAULT_LIMITS, type EngineLimits, type EngineOptions } from './options.ts'
import { PartitionSession } from './partition-session.ts'
import { orOver } from './recovery/backoff.ts'
import { type EngineSteps, wireEngine } from './wiring.ts'

export interface Engine {
  /** Joins the group; resolves when the source runs. Faults after that are told by `observer` and `health`. */
  start(): Promise<void>
  /**
   * Stops fetching, delivers and commits what is open within `timeoutMs`, leaves the group. What was not delivered
   * by then is in Kafka still and is taken up by whoever reads the partition next. Never rejects; a second call
   * waits for the first.
   */
  stop(options: { readonly timeoutMs: number }): Promise<StopOutcome>
  health(): EngineHealth
}

/** `drained`: everything taken in is delivered and committed. */
export type StopOutcome = 'drained' | 'abandoned'

/** One engine for every consumer; what differs is the sink, the cut policy and the limits. */
export function createEngine(options: EngineOptions): Engine {
  return new EngineLoop(options)
}

/**
 * Intake → cut → delivery → commit, per partition and generation; each step is a class of its own, wired here.
 * The store says what it holds; committed offsets are never trusted for a position.
 *
 * A fault stops its partition and nothing else, unless it is the worker's own (`ErrorScope`).
 */
class EngineLoop implements Engine, SourceListener {
  readonly #options: EngineOptions
  readonly #limits: EngineLimits
  readonly #lifetime = new AbortController()
  readonly #progress = new Condition()
  readonly #steps: EngineSteps
  #sessions = new Map<string, PartitionSession>()
  #generation: number | null = null
  #generationOver: AbortSignal = AbortSignal.abort()
  #state: EngineState = 'idle'
  #startedAt = 0
  #failure: unknown = null
  #abandoned = false
  readonly #concerns = new Map<string, DaybookError>()
  #stopping: Promise<StopOutcome> | null = null

  constructor(options: EngineOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#steps = wireEngine(options, {
      limits: this.#limits,
      sessions: () => [...this.#sessions.values()],
      signal: this.#lifetime.signal,
      onMoved: (session) => this.#moved(session),
      onFault: (session, error) => this.#fault(session, error),
      onRetry: (partition) => this.#retry(partition),
    })
  }

  async start(): Promise<void> {
    this.#state = 'running'
    this.#startedAt = this.#options.clock.now()
    this.#steps.watchdog.start()
    try {
      await this.#options.source.start(this)
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }

  stop({ timeoutMs }: { readonly timeoutMs: number }): Promise<StopOutcome> {
    this.#stopping ??= this.#stop(timeoutMs)
    return this.#stopping
  }

  assigned(generation: number, partitions: readonly AssignedPartition[], signal: AbortSignal): void {
    if (this.#state !== 'running') {
      this.#endSessions()
      return
    }
    const refs = partitions.map((assigned) => assigned.partition)
    const kept = this.#keepSessions(generation, partitions)
    this.#options.observer.assigned(generation, refs)
    this.#generation = generation
    this.#generationOver = signal
    signal.addEventListener('abort', () => this.#generationEnded(generation), { once: true })
    this.#steps.stops.keepOnly(refs)
    this.#steps.commits.wake()
    for (const { partition, facts } of partitions) {
      if (kept.has(partitionKey(partition))) continue
      this.#steps.pauses.forget(partition)
      // A stopped partition that is kept has no open session; Kafka is asked about it anew.
      const known = facts === 'kept' ? null : facts
      void this.#open(this.#newSession(partition, known), known)
    }
    this.#steps.pressure.adjust()
  }

  async batch(batch: SourceBatch): Promise<void> {
    const session = this.#sessions.get(partitionKey(batch.partition))
    if (session === undefined || session.generation !== batch.generation || this.#state !== 'running') return
    // One that has not begun knows nothing yet of where the store ends.
    if (session.isOver || session.claim === null) return
    try {
      await this.#steps.intake.take(session, batch)
      this.#steps.pressure.adjust()
      this.#steps.earlyFlush.consider()
      // A batch of nothing but gaps moves the position too.
      this.#moved(session)
    } catch (error) {
      void this.#stopIntake(session, error)
    }
  }

  partitionFailed(generation: number, partition: PartitionRef, error: unknown): void {
    const session = this.#sessions.get(partitionKey(partition))
    if (session === undefined || session.generation !== generation) return
    void this.#stopIntake(session, error)
  }

  topicConcern(topic: string, error: DaybookError | null): void {
    if (error === null) this.#concerns.delete(topic)
    else this.#concerns.set(topic, error)
    this.#options.observer.topicConcern(topic, error)
  }

  crashed(error: unknown): void {
    this.#fail(error)
  }

  health(): EngineHealth {
    return engineHealth({
      ...this.#steps,
      limits: this.#limits,
      cut: this.#options.cut,
      state: this.#state,
      generation: this.#generation,
      withoutGroupMs:
        this.#state === 'running' && this.#generation === null
          ? this.#options.clock.now() - this.#startedAt
          : null,
      failure: this.#failure,
      sessions: [...this.#sessions.values()],
      concerns: this.#concerns,
    })
  }

  #newSession(partition: PartitionRef, facts: PartitionFacts | null): PartitionSession {
    const { sink, observer } = this.#options
    const committed = facts?.ok === true ? facts.committed : null
    const before = this.#sessions.get(partitionKey(partition))
    const session = new PartitionSession({
      partition,
      generation: this.#generation ?? 0,
      committedBefore: committed ?? (before === undefined ? null : this.#steps.commits.lastMark(before)),
      note: this.#steps.stops.note(partition),
      memory: this.#steps.memory,
      onAccounted: (account) => observer.accounted(partition, account),
      fingerprint: (record) => sink.fingerprint(record, partition),
    })
    // It is stopped: what it still had to commit is the new one's.
    if (before !== undefined) this.#endSession(before)
    this.#sessions.set(session.key, session)
    this.#steps.commits.consider(session)
    if (this.#generationOver.aborted) this.#endSession(session)
    return session
  }

  /** Never rejects. */
  async #open(session: PartitionSession, facts: PartitionFacts | null): Promise<void> {
    try {
      const position = await this.#steps.assignment.open(session, facts)
      if (position === null) return
      this.#options.source.read(session.generation, session.partition, position)
      if (this.#steps.stops.of(session.partition) !== null) this.#moved(session)
    } catch (error) {
      this.#fault(session, error)
    }
  }

  /** Tries a stopped partition again, in the same generation, as if it had just been assigned. */
  #retry(partition: PartitionRef): void {
    if (this.#state !== 'running' || this.#generationOver.aborted) return
    this.#steps.pauses.forget(partition)
    void this.#open(this.#newSession(partition, null), null)
  }

  /** The store holds more of this partition, or it may be delivered again, or it has just begun. */
  #moved(session: PartitionSession): void {
    if (!session.isOver && this.#steps.stops.isCuredBy(session)) {
      this.#steps.stops.healed(session.partition)
      session.setNote(null)
    }
    this.#steps.commits.consider(session)
    this.#steps.pressure.adjust()
    this.#progress.changed()
    this.#steps.lane.pump()
  }

  /** The partition cannot go on. */
  #fault(session: PartitionSession, error: unknown): void {
    if (scopeOf(error) === 'worker') {
      this.#fail(error)
      return
    }
    if (session.isOver) return
    this.#recordStop(session, error, session.doneThrough + 1n)
    this.#finishStop(session)
  }

  /** Nothing more of the partition can be taken in; what was taken in before is delivered first. Never rejects. */
  async #stopIntake(session: PartitionSession, error: unknown): Promise<void> {
    if (scopeOf(error) === 'worker') {
      this.#fail(error)
      return
    }
    if (session.isOver) return
    this.#recordStop(session, error, session.next)
    try {
      await this.#steps.cutter.cut(session, 'stop')
    } catch (fault) {
      this.#fault(session, fault)
      return
    }
    const isEmpty = await this.#progress.until(() => !session.hasUndelivered, session.signal)
    if (isEmpty) this.#finishStop(session)
  }

  #recordStop(session: PartitionSession, error: unknown, blockedAt: bigint): void {
    const { stops, commits } = this.#steps
    this.#options.source.release(session.partition)
    stops.record(session, error, blockedAt)
    session.closeIntake()
    session.setNote(stops.note(session.partition))
    commits.consider(session)
  }

  /** What is still open or queued is dropped: it is read again when the partition is tried again. */
  #finishStop(session: PartitionSession): void {
    this.#steps.cutter.forget(session)
    session.stop()
    this.#steps.pressure.adjust()
    this.#progress.changed()
    this.#steps.lane.pump()
    if (this.#state === 'running') this.#steps.stops.scheduleRetry(session.partition)
  }

  #generationEnded(generation: number): void {
    for (const session of this.#sessions.values())
      if (session.generation === generation) this.#endSession(session)
  }

  /** Ends all sessions but those that go on in the new generation; gives the keys of these. */
  #keepSessions(generation: number, partitions: readonly AssignedPartition[]): ReadonlySet<string> {
    const mayStay = new Set(
      partitions.flatMap(({ partition, facts }) => (facts === 'kept' ? [partitionKey(partition)] : [])),
    )
    const kept = new Map<string, PartitionSession>()
    for (const [key, session] of this.#sessions) {
      if (mayStay.has(key) && !session.isOver && session.claim !== null) {
        session.continueIn(generation)
        kept.set(key, session)
      } else this.#endSession(session)
    }
    this.#sessions = kept
    this.#progress.changed()
    return new Set(kept.keys())
  }

  #endSessions(): void {
    for (const session of this.#sessions.values()) this.#endSession(session)
    this.#sessions = new Map()
    this.#progress.changed()
  }

  #endSession(session: PartitionSession): void {
    this.#abandoned ||= this.#state === 'stopping' && session.hasUndelivered
    this.#steps.cutter.forget(session)
    session.end()
    this.#progress.changed()
  }

  #fail(error: unknown): void {
    if (this.#state === 'failed' || this.#state === 'stopped') return
    this.#state = 'failed'
    this.#failure = error
    this.#endSessions()
    this.#close()
    this.#options.source.quiesce().catch(() => undefined)
    this.#options.observer.crashed(error)
  }

  #close(): void {
    this.#lifetime.abort()
    this.#steps.watchdog.stop()
    this.#steps.stops.close()
    this.#steps.commits.wake()
  }

  async #stop(timeoutMs: number): Promise<StopOutcome> {
    const { source, clock } = this.#options
    const deadline = new AbortController()
    const cancel = clock.after(timeoutMs, () => deadline.abort())
    let drained = false
    if (this.#state === 'running') {
      this.#state = 'stopping'
      drained = (await this.#drain(deadline.signal)) && this.#failure === null
    }
    cancel()
    this.#endSessions()
    this.#close()
    // Leaving is a courtesy to the group: the session time-out does the same for a member that just goes.
    await orOver(() => source.stop(), this.#grace()).catch(() => undefined)
    if (this.#state !== 'failed') this.#state = 'stopped'
    return drained ? 'drained' : 'abandoned'
  }

  #grace(): AbortSignal {
    const grace = new AbortController()
    this.#options.clock.after(LEAVE_MS, () => grace.abort())
    return grace.signal
  }

  /** False when the time is up first, or a step fails. */
  async #drain(signal: AbortSignal): Promise<boolean> {
    const alive = () => [...this.#sessions.values()].filter((session) => !session.isOver)
    try {
      for (const session of alive()) session.closeIntake()
      await orOver(() => this.#options.source.quiesce(), signal)
      for (const session of alive()) {
        await orOver(() => this.#steps.cutter.cut(session, 'shutdown'), signal)
      }
      const empty = () => alive().every((session) => !session.hasUndelivered)
      if (!(await this.#progress.until(empty, signal))) return false
      return (await this.#steps.commits.settled(signal)) && !this.#abandoned
    } catch (error) {
      this.#fail(error)
      return false
    }
  }
}

const LEAVE_MS = 5_000
