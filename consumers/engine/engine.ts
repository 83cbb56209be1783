import { Condition } from './condition.ts'
import type { AssignedPartition, SourceBatch, SourceListener } from './contracts.ts'
import { partitionKey } from './contracts.ts'
import { type EngineHealth, type EngineState, partitionHealth } from './health/partition-health.ts'
import { DEFAULT_LIMITS, type EngineLimits, type EngineOptions } from './options.ts'
import { PartitionSession } from './partition-session.ts'
import { orOver } from './recovery/backoff.ts'
import { type EngineSteps, wireEngine } from './wiring.ts'

export interface Engine {
  /** Joins the group; resolves when the source runs. Faults after that are told by `observer.crashed` and `health`. */
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
 * Intake → cut → delivery → commit, per partition and generation; each step is a part of its own, wired here.
 * The store says what it holds; committed offsets are never read.
 */
class EngineLoop implements Engine, SourceListener {
  readonly #options: EngineOptions
  readonly #limits: EngineLimits
  readonly #lifetime = new AbortController()
  readonly #progress = new Condition()
  readonly #steps: EngineSteps
  #sessions = new Map<string, PartitionSession>()
  #generation: number | null = null
  #state: EngineState = 'idle'
  #failure: unknown = null
  #abandoned = false
  #stopping: Promise<StopOutcome> | null = null

  constructor(options: EngineOptions) {
    this.#options = options
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits }
    this.#steps = wireEngine(options, {
      limits: this.#limits,
      sessions: () => [...this.#sessions.values()],
      signal: this.#lifetime.signal,
      onMoved: (session) => this.#moved(session),
      onFault: (error) => this.#fail(error),
    })
  }

  async start(): Promise<void> {
    this.#state = 'running'
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

  async assigned(
    generation: number,
    partitions: readonly AssignedPartition[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, bigint>> {
    this.#endSessions()
    const positions = new Map<string, bigint>()
    if (this.#state !== 'running') return positions
    const refs = partitions.map((assigned) => assigned.partition)
    this.#options.observer.assigned(generation, refs)
    this.#generation = generation
    this.#steps.pauses.reset(refs)
    const opened = partitions.map(async (assigned) => {
      const session = this.#newSession(generation, assigned, signal)
      const position = await this.#steps.assignment.open(session, assigned)
      if (position !== null) positions.set(session.key, position)
    })
    try {
      await Promise.all(opened)
    } catch (error) {
      this.#fail(error)
      throw error
    }
    return positions
  }

  async batch(batch: SourceBatch): Promise<void> {
    const session = this.#sessions.get(partitionKey(batch.partition))
    if (session === undefined || session.generation !== batch.generation || this.#state !== 'running') return
    try {
      await this.#steps.intake.take(session, batch)
      this.#steps.pressure.adjust()
      this.#steps.earlyFlush.consider()
      // A batch of nothing but gaps moves the position too.
      this.#steps.commits.note(session)
    } catch (error) {
      this.#fail(error)
    }
  }

  crashed(error: unknown): void {
    this.#fail(error)
  }

  health(): EngineHealth {
    const patienceMs = this.#options.cut.maxAgeMs + this.#limits.stallMs
    const view = { ...this.#steps, patienceMs }
    const partitions = [...this.#sessions.values()].map((session) => partitionHealth(session, view))
    const boundsUnknownMs = this.#steps.watchdog.boundsAgeMs
    const watching = boundsUnknownMs <= this.#limits.stallMs + this.#limits.watchdogMs
    return {
      healthy:
        (this.#state === 'running' || this.#state === 'stopping') &&
        watching &&
        partitions.every((partition) => partition.healthy),
      state: this.#state,
      generation: this.#generation,
      failure: this.#failure,
      bufferedBytes: this.#steps.memory.bytes,
      boundsUnknownMs,
      partitions,
    }
  }

  #newSession(
    generation: number,
    { partition, committed }: AssignedPartition,
    generationOver: AbortSignal,
  ): PartitionSession {
    const { sink, observer } = this.#options
    const session = new PartitionSession({
      partition,
      generation,
      committedBefore: committed,
      memory: this.#steps.memory,
      onAccounted: (account) => observer.accounted(partition, account),
      fingerprint: (record) => sink.fingerprint(record, partition),
    })
    this.#sessions.set(session.key, session)
    if (generationOver.aborted) this.#endSession(session)
    generationOver.addEventListener('abort', () => this.#endSession(session), { once: true })
    return session
  }

  /** The store holds more of this partition, or the partition may be delivered again. */
  #moved(session: PartitionSession): void {
    this.#steps.commits.note(session)
    this.#steps.pressure.adjust()
    this.#progress.changed()
    this.#steps.lane.pump()
  }

  #endSessions(): void {
    for (const session of this.#sessions.values()) this.#endSession(session)
    this.#sessions = new Map()
    this.#steps.pressure.reset()
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
    this.#lifetime.abort()
    this.#steps.watchdog.stop()
    this.#options.source.quiesce().catch(() => undefined)
    this.#options.observer.crashed(error)
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
    this.#lifetime.abort()
    this.#steps.watchdog.stop()
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
    try {
      for (const session of this.#sessions.values()) session.closeIntake()
      await orOver(() => this.#options.source.quiesce(), signal)
      for (const session of this.#sessions.values()) {
        await orOver(() => this.#steps.cutter.cut(session, 'shutdown'), signal)
      }
      const empty = () => [...this.#sessions.values()].every((session) => !session.hasUndelivered)
      if (!(await this.#progress.until(empty, signal))) return false
      return (await this.#steps.commits.settled(signal)) && !this.#abandoned
    } catch (error) {
      this.#fail(error)
      return false
    }
  }
}

const LEAVE_MS = 5_000
