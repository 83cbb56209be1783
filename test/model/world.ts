import type { PartitionRef, Range } from '../../consumers/engine/contracts.ts'
import { partitionKey } from '../../consumers/engine/contracts.ts'
import { FakeGroup } from '../support/fakes/fake-group.ts'
import { FakeLog } from '../support/fakes/fake-log.ts'
import { type Exclusion, FakeStore } from '../support/fakes/fake-store.ts'
import { Simulation } from '../support/fakes/simulation.ts'
import { Chaos } from './chaos.ts'
import { brokenRange, commitTooFar, miscounted, missing } from './invariants.ts'
import type { Sabotage } from './sabotage.ts'
import { ModelWorker } from './worker.ts'

export interface WorldOptions {
  readonly seed: number
  /** By default drawn from the two that are right. */
  readonly exclusion?: Exclusion
  readonly sabotage?: Sabotage
}

/** How long events are produced and faults happen, in simulated milliseconds. */
const CHAOS_MS = 6_000
const QUIESCENCE_MS = 120_000

/** Everything that one run consists of; the invariants are checked at each change of the store and of the group. */
export class World {
  readonly sim: Simulation
  readonly logs: readonly FakeLog[]
  readonly store: FakeStore
  readonly group: FakeGroup
  readonly chaos: Chaos
  readonly workers: ModelWorker[] = []
  readonly sabotage: Sabotage | null
  wanted = 1
  /** What happened in this run, for the check that the runs together leave nothing out. */
  readonly happened = new Set<string>()
  #started = 0

  constructor(options: WorldOptions) {
    const sim = new Simulation(options.seed)
    this.sim = sim
    this.sabotage = options.sabotage ?? null
    this.logs = Array.from({ length: sim.between(2, 4) }, (_, at) => new FakeLog(refOf(at)))
    const exclusion = options.exclusion ?? (sim.chance(0.6) ? 'fence' : 'create_only')
    this.store = new FakeStore(exclusion, (range, before) => this.#onApplied(range, before))
    const onCommit = (log: FakeLog, next: bigint) => this.#check(commitTooFar(log, this.store, next))
    const sessionMs = sim.between(500, 1_000)
    this.group = new FakeGroup({ sim, logs: this.logs, sessionMs, onCommit })
    this.chaos = new Chaos(this)
    sim.log(`seed ${options.seed}, ${exclusion}, ${this.logs.length} partitions`)
  }

  /** Throws at the first violated invariant. */
  async run(): Promise<void> {
    this.chaos.start(CHAOS_MS)
    for (const [after, count] of [
      [0, 1],
      [CHAOS_MS / 4, 3],
      [(CHAOS_MS * 3) / 4, 1],
    ] as const) {
      this.sim.at(after, null, () => this.scale(count))
    }
    await this.sim.run(() => false, CHAOS_MS)
    this.chaos.end()
    const quiet = () => this.logs.every((log) => missing(log, this.store) === null)
    if (!(await this.sim.run(quiet, QUIESCENCE_MS))) throw new Error(`never delivered: ${this.#missing()}`)
    await this.#settles()
    for (const log of this.logs) this.#check(miscounted(log, this.store))
    await this.sim.run(() => true, 0)
  }

  scale(count: number): void {
    this.wanted = count
    const alive = this.workers.filter((worker) => worker.isUp)
    for (const worker of alive.slice(count)) worker.leave()
    for (let at = alive.length; at < count; at++) this.startWorker()
  }

  startWorker(): void {
    const worker = new ModelWorker(this, `w${++this.#started}`)
    this.workers.push(worker)
    worker.start()
  }

  /** As many workers as wanted, whatever became of the last one. */
  replace(worker: ModelWorker): void {
    this.workers.splice(this.workers.indexOf(worker), 1)
    this.sim.at(this.sim.between(50, 600), null, () => {
      if (this.workers.filter((other) => other.isUp).length < this.wanted) this.startWorker()
    })
  }

  logOf(ref: PartitionRef): FakeLog {
    const log = this.logs.find((candidate) => partitionKey(candidate.partition) === partitionKey(ref))
    if (log === undefined) throw new RangeError(`no log ${partitionKey(ref)}`)
    return log
  }

  /** Without faults the workers must come to rest: healthy, nothing buffered, all committed, a clean leave. */
  async #settles(): Promise<void> {
    const settled = () => this.#up().length > 0 && this.#up().every((worker) => worker.isSettled)
    if (!(await this.sim.run(settled, QUIESCENCE_MS))) {
      throw new Error(`workers do not settle: ${this.#up().map((worker) => worker.describe())}`)
    }
    const leaving = this.#up()
    for (const worker of leaving) worker.leave()
    const left = () => leaving.every((worker) => worker.outcome !== null)
    if (!(await this.sim.run(left, QUIESCENCE_MS))) throw new Error('a worker does not stop')
    const bad = leaving.find((worker) => worker.outcome !== 'drained')
    if (bad !== undefined) throw new Error(`${bad.process.name} left ${bad.outcome} without any fault`)
  }

  #up(): ModelWorker[] {
    return this.workers.filter((worker) => worker.isUp)
  }

  #onApplied(range: Range, before: bigint): void {
    this.sim.log(`stored ${range.partition.topic}/${range.partition.partition} ${range.first}..${range.last}`)
    this.#check(brokenRange(this.logOf(range.partition), this.store, range, before))
  }

  #check(broken: string | null): void {
    if (broken !== null) this.sim.violate(broken)
  }

  #missing(): string {
    return this.logs
      .map((log) => `${log.partition.topic}/${log.partition.partition} at ${missing(log, this.store)}`)
      .join(', ')
  }
}

function refOf(at: number): PartitionRef {
  const topic = at % 2 === 0 ? 'standard' : 'hipaa'
  return { topic, topicId: `id-${topic}`, partition: at }
}
