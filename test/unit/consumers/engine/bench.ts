import type {
  CommitMark,
  LogBounds,
  PartitionFacts,
  PartitionRef,
  RecordBatchBytes,
  Sink,
  Source,
  SourceListener,
} from '../../../../consumers/engine/contracts.ts'
import { partitionKey } from '../../../../consumers/engine/contracts.ts'
import { createEngine, type Engine } from '../../../../consumers/engine/engine.ts'
import { type EngineObserver, noObserver } from '../../../../consumers/engine/observer.ts'
import type { EngineOptions } from '../../../../consumers/engine/options.ts'
import { DaybookError } from '../../../../schemas/errors.ts'
import { FakeChecker } from '../../../support/fakes/fake-checker.ts'
import { FakeLog } from '../../../support/fakes/fake-log.ts'
import { FakeSink } from '../../../support/fakes/fake-sink.ts'
import { FakeStore } from '../../../support/fakes/fake-store.ts'
import { SimProcess, Simulation } from '../../../support/fakes/simulation.ts'
import { ScriptedFailpoints } from '../../../support/scripted-failpoints.ts'

/** A source that a test plays by hand: it says when there is a generation and when there is a batch. */
export class HandSource implements Source {
  readonly commits: {
    generation: number
    next: Map<string, bigint>
    notes: Map<string, string | null>
  }[] = []
  /** Where each partition is read from, by `partitionKey`. */
  readonly reading = new Map<string, bigint>()
  /** Partitions that Kafka does not let be read, and why. */
  readonly unreadable = new Map<string, unknown>()
  readonly paused = new Set<string>()
  readonly answered = new Map<string, LogBounds>()
  readonly calls: string[] = []
  readonly underWay = new Set<Promise<void>>()
  commitFails = 0
  /** Partitions of which the group takes no commit, by `partitionKey`. */
  readonly commitRefused = new Set<string>()
  boundsFail = false
  listener: SourceListener | null = null

  async start(listener: SourceListener): Promise<void> {
    this.listener = listener
  }

  async commit(
    generation: number,
    marks: ReadonlyMap<PartitionRef, CommitMark>,
  ): Promise<ReadonlyMap<PartitionRef, unknown>> {
    if (this.commitFails-- > 0) throw unavailable()
    const isRefused = (ref: PartitionRef) => this.commitRefused.has(partitionKey(ref))
    const taken = [...marks].filter(([ref]) => !isRefused(ref))
    this.commits.push({
      generation,
      next: new Map(taken.map(([ref, { position }]) => [partitionKey(ref), position])),
      notes: new Map(taken.map(([ref, { note }]) => [partitionKey(ref), note])),
    })
    return new Map([...marks.keys()].filter(isRefused).map((ref) => [ref, unavailable()]))
  }

  read(_generation: number, partition: PartitionRef, position: bigint): void {
    this.reading.set(partitionKey(partition), position)
  }

  release(partition: PartitionRef): void {
    this.reading.delete(partitionKey(partition))
  }

  async facts(): Promise<ReadonlyMap<string, PartitionFacts>> {
    const bounds = await this.bounds()
    const readable = [...bounds].map(([key, log]): [string, PartitionFacts] => [
      key,
      { ok: true, ...log, committed: null },
    ])
    return new Map([...readable, ...[...this.unreadable].map(notReadable)])
  }

  async bounds(): Promise<ReadonlyMap<string, LogBounds>> {
    if (this.boundsFail) throw unavailable()
    return this.answered
  }

  pause(partitions: readonly PartitionRef[]): void {
    for (const partition of partitions) this.paused.add(partitionKey(partition))
  }

  resume(partitions: readonly PartitionRef[]): void {
    for (const partition of partitions) this.paused.delete(partitionKey(partition))
  }

  /** Waits for the batches that it has handed over. */
  async quiesce(): Promise<void> {
    this.calls.push('quiesce')
    await Promise.all(this.underWay)
  }

  async stop(): Promise<void> {
    this.calls.push('stop')
  }
}

function notReadable([key, error]: [string, unknown]): [string, PartitionFacts] {
  return [key, { ok: false, error }]
}

export function unavailable(): DaybookError {
  return new DaybookError('DAYBOOK_TEST_UNAVAILABLE', 'not now', { retryable: true })
}

/** An engine on a clock that the test moves, over logs that it fills; deliveries take no time unless it says so. */
export class EngineBench {
  readonly sim = new Simulation(1)
  readonly process = new SimProcess('worker', this.sim)
  readonly source = new HandSource()
  readonly store = new FakeStore('fence')
  readonly failpoints = new ScriptedFailpoints()
  readonly logs: readonly FakeLog[]
  readonly engine: Engine
  readonly crashes: unknown[] = []
  /** What stopped partitions, and which went on. */
  readonly stopErrors: unknown[] = []
  readonly healed: string[] = []
  registryIsDown = false
  #generation = 0
  #over = new AbortController()

  constructor(
    options: Partial<Pick<EngineOptions, 'cut' | 'limits' | 'checker'>> & {
      partitions?: number
      sink?: (sink: Sink) => Sink
      observer?: Partial<EngineObserver>
    } = {},
  ) {
    this.logs = Array.from(
      { length: options.partitions ?? 1 },
      (_, partition) => new FakeLog({ topic: 'audit', topicId: 'id-audit', partition }),
    )
    const sink = new FakeSink({ store: this.store, failpoints: this.failpoints })
    this.engine = createEngine({
      source: this.source,
      sink: options.sink?.(sink) ?? sink,
      checker: options.checker ?? new FakeChecker({ isDown: () => this.registryIsDown }),
      cut: options.cut ?? { maxRows: 1_000, maxBytes: 1_000_000, maxAgeMs: 1_000 },
      limits: { backoffFirstMs: 100, backoffMaxMs: 1_000, ...options.limits },
      clock: this.process.clock,
      failpoints: this.failpoints,
      observer: {
        ...noObserver,
        stopped: (_, error) => this.stopErrors.push(error),
        healed: ({ code }) => this.healed.push(code),
        ...options.observer,
        crashed: (error) => this.crashes.push(error),
      },
      random: () => 0.5,
    })
  }

  log(partition = 0): FakeLog {
    const log = this.logs[partition]
    if (log === undefined) throw new RangeError(`no partition ${partition}`)
    return log
  }

  /** Lets `ms` pass. */
  async pass(ms: number): Promise<void> {
    await this.sim.run(() => false, ms)
  }

  /**
   * A new generation with all partitions; gives the positions from which they are read, by `partitionKey`. `unsaid`:
   * the signal of the old one does not abort.
   */
  async assign(bounds: Partial<LogBounds> = {}, unsaid = false): Promise<ReadonlyMap<string, bigint>> {
    if (this.source.listener === null) await this.engine.start()
    if (!unsaid) this.#over.abort()
    this.#over = new AbortController()
    this.source.reading.clear()
    for (const log of this.logs) this.source.answered.set(partitionKey(log.partition), log.bounds)
    const assigned = this.logs.map((log) => ({
      partition: log.partition,
      facts: { ok: true as const, committed: null, ...log.bounds, ...bounds },
    }))
    this.source.listener?.assigned(++this.#generation, assigned, this.#over.signal)
    await this.pass(0)
    return new Map(this.source.reading)
  }

  /** Hands over what the log has in `first`..`last` (all of it, where not given). */
  async fetch(
    partition = 0,
    first = 0n,
    last?: bigint,
    batches?: readonly RecordBatchBytes[],
  ): Promise<void> {
    const log = this.log(partition)
    const count = Number((last ?? log.bounds.logEnd - 1n) - first) + 1
    const batch = log.fetch(first, count)
    if (batch === null) throw new RangeError('nothing to fetch')
    const taken = this.source.listener?.batch({
      partition: log.partition,
      generation: this.#generation,
      ...batch,
      ...(batches === undefined ? {} : { batches }),
    })
    if (taken === undefined) return
    this.source.underWay.add(taken)
    await taken
    this.source.underWay.delete(taken)
  }

  /** The stored ranges of a partition, as `first..last`. */
  stored(partition = 0): string[] {
    return this.store.ranges(this.log(partition).partition).map((range) => `${range.first}..${range.last}`)
  }

  /** The newest committed position of a partition. */
  committed(partition = 0): bigint | undefined {
    const key = partitionKey(this.log(partition).partition)
    return this.source.commits.findLast((commit) => commit.next.has(key))?.next.get(key)
  }

  /** Why a partition is stopped. */
  stopCode(partition = 0): string | undefined {
    const key = partitionKey(this.log(partition).partition)
    const found = this.engine.health().partitions.find((each) => partitionKey(each.partition) === key)
    return found?.stopped?.code
  }

  crashCode(): string | undefined {
    const [error] = this.crashes
    return error instanceof DaybookError ? error.code : error === undefined ? undefined : String(error)
  }
}
