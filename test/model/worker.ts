import { partitionKey } from '../../consumers/engine/contracts.ts'
import { createEngine, type Engine, type StopOutcome } from '../../consumers/engine/engine.ts'
import { type EngineObserver, noObserver, type RangeAccount } from '../../consumers/engine/observer.ts'
import { BARE_RECORD_BYTES } from '../../consumers/engine/range.ts'
import type { StoppedPartition } from '../../consumers/engine/stopped-partition.ts'
import { FAILPOINTS, type Failpoint, type Failpoints } from '../../runtime/failpoints.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { FakeChecker } from '../support/fakes/fake-checker.ts'
import { FakeSink } from '../support/fakes/fake-sink.ts'
import { FakeSource } from '../support/fakes/fake-source.ts'
import { SimProcess } from '../support/fakes/simulation.ts'
import type { World } from './world.ts'

/** What the source hands over at once: twelve records, and what a bad one counts with. */
const MOST_PER_FETCH = 12 * (100 + BARE_RECORD_BYTES)

const never = new Promise<never>(() => undefined)

/** One worker process of the model: an engine with fakes around it, which may freeze or die at any failpoint. */
export class ModelWorker {
  readonly process: SimProcess
  outcome: StopOutcome | null = null
  readonly #world: World
  readonly #engine: Engine
  readonly #memoryBytes: number
  #armed: { readonly at: Failpoint; readonly act: 'freeze' | 'kill' } | null = null
  #leaving = false

  constructor(world: World, name: string) {
    const { sim } = world
    this.#world = world
    this.process = new SimProcess(name, sim)
    this.#memoryBytes = sim.between(1_200, 8_000)
    this.#engine = this.#createEngine()
  }

  get isUp(): boolean {
    return !this.process.dead && !this.#leaving
  }

  get isSettled(): boolean {
    const health = this.#engine.health()
    const committed = health.partitions.every((partition) => partition.lag === 0n)
    return health.state === 'running' && health.healthy && health.bufferedBytes === 0 && committed
  }

  describe(): string {
    const { state, healthy, bufferedBytes, partitions } = this.#engine.health()
    const shown = partitions.map((p) => `${p.partition.partition}:${p.state} next ${p.next} lag ${p.lag}`)
    return `${this.process.name} ${state} ${healthy} ${bufferedBytes} B [${shown.join('; ')}]`
  }

  start(): void {
    this.#world.sim.log(`${this.process.name} starts`)
    this.#engine.start().catch((error) => this.#crashed(error))
  }

  /** Dies or freezes when it comes to a failpoint. */
  arm(act: 'freeze' | 'kill'): void {
    this.#armed = { at: this.#world.sim.pick(FAILPOINTS), act }
  }

  die(): void {
    if (this.process.dead) return
    this.process.kill()
    this.#world.replace(this)
  }

  /** SIGTERM: at times with less time than it takes. */
  leave(): void {
    const { sim, chaos } = this.#world
    this.#leaving = true
    sim.log(`${this.process.name} leaves`)
    const timeoutMs = chaos.isOver ? 60_000 : sim.between(1, 3_000)
    void this.#engine.stop({ timeoutMs }).then((outcome) => {
      this.outcome = outcome
      sim.log(`${this.process.name} left, ${outcome}`)
    })
  }

  #createEngine(): Engine {
    const { sim, group, logs, store, chaos, sabotage } = this.#world
    const { process } = this
    const failpoints = this.#failpoints()
    const hop = () => process.hop()
    const wire = { hop, storeWork: () => sim.delay(sim.latencyMs()), now: () => sim.now }
    const source = new FakeSource({
      process,
      group,
      logs,
      heartbeatMs: sim.between(30, 400),
      faults: chaos.brokerFaults,
    })
    const sink = new FakeSink({ store, wire, faults: chaos.storeFaults, failpoints })
    const parts = sabotage === null ? { source, sink } : sabotage({ source, sink })
    return createEngine({
      ...parts,
      checker: new FakeChecker({ isDown: () => chaos.registryIsDown, hop }),
      cut: {
        maxRows: sim.between(2, 15),
        maxBytes: sim.between(400, 8_000),
        maxAgeMs: sim.between(20, 400),
        boundary: (first, next) =>
          Math.floor(first.appendTime / 1_000) !== Math.floor(next.appendTime / 1_000),
      },
      limits: {
        memoryBytes: this.#memoryBytes,
        memoryLowBytes: this.#memoryBytes / 2,
        concurrentDeliveries: sim.between(1, 3),
        deliveryRows: sim.between(1, 40),
        gatherAgeRatio: sim.pick([0.3, 1]),
        earlyFlushBytes: sim.pick([Number.POSITIVE_INFINITY, 400, 4_000]),
        idleFlushBytes: sim.pick([Number.POSITIVE_INFINITY, 160, 1_600]),
        backoffFirstMs: 10,
        backoffMaxMs: 300,
        stallMs: 5_000,
        watchdogMs: 500,
        stopRetryFirstMs: 50,
        stopRetryMaxMs: 500,
      },
      clock: process.clock,
      failpoints,
      observer: this.#observer(),
      random: sim.random,
    })
  }

  #failpoints(): Failpoints {
    return {
      hit: (name) => {
        if (this.process.dead) return never
        if (this.#armed?.at === name) this.#fire(this.#armed.act)
        if (this.process.dead) return never
        return this.process.frozenUntil > this.#world.sim.now ? this.process.hop() : undefined
      },
    }
  }

  #fire(act: 'freeze' | 'kill'): void {
    const { sim } = this.#world
    const at = this.#armed?.at
    sim.log(`${this.process.name} at ${at}`)
    this.#world.happened.add(`${act} at ${at}`)
    this.#armed = null
    if (act === 'kill') this.die()
    else this.process.freeze(sim.chance(0.5) ? sim.between(10, 500) : sim.between(500, 6_000))
  }

  #observer(): EngineObserver {
    const { sim, happened } = this.#world
    const { name } = this.process
    return {
      ...noObserver,
      claimed: (ref, tip) => sim.log(`${name} claimed ${ref.topic}/${ref.partition} at ${tip.last}`),
      deliveryStarted: (ranges) =>
        sim.log(`${name} delivers ${ranges.map((r) => `${r.partition.partition}:${r.first}..${r.last}`)}`),
      fenced: (ref) => {
        happened.add('fenced')
        sim.log(`${name} fenced from ${ref.partition}`)
      },
      retrying: (step) => happened.add(`retry ${step}`),
      cut: (_, cause) => happened.add(`cut by ${cause}`),
      fetched: () => this.#checkMemory(),
      accounted: (_, account) => this.#checkAccount(account),
      stopped: (stop, error) => this.#stopped(stop, error),
      healed: () => happened.add('healed'),
      crashed: (error) => this.#crashed(error),
    }
  }

  #checkAccount({ offsets, delivered, quarantined, gaps }: RangeAccount): void {
    const sum = BigInt(delivered + quarantined) + gaps
    if (sum !== offsets) this.#world.sim.violate(`${offsets} offsets, accounted for ${sum}`)
  }

  /** The cap may be exceeded by a quarter, and by one fetch of each partition. */
  #checkMemory(): void {
    const { bufferedBytes, partitions } = this.#engine.health()
    for (const reason of partitions.flatMap(({ paused }) => paused))
      this.#world.happened.add(`paused by ${reason}`)
    const most = 1.25 * this.#memoryBytes + this.#world.logs.length * MOST_PER_FETCH
    if (bufferedBytes > most) this.#world.sim.violate(`${bufferedBytes} bytes buffered`)
    if (bufferedBytes < 0) this.#world.sim.violate('released more than was buffered')
  }

  #crashed(error: unknown): void {
    this.#world.sim.violate(`${this.process.name} crashed: ${error instanceof Error ? error.stack : error}`)
  }

  /**
   * Only a loss that did happen may stop a partition, and the operator accepts it; or that its deliveries fail while the
   * others have no memory, as long as the store fails or has just failed. Either goes on by itself.
   */
  #stopped({ partition, code }: StoppedPartition, error: unknown): void {
    const { sim, store, logs } = this.#world
    sim.log(`${this.process.name} stopped ${partition.partition}: ${code}`)
    const log = logs.find((candidate) => partitionKey(candidate.partition) === partitionKey(partition))
    const last = error instanceof DaybookError ? error.details['last'] : undefined
    // Told again, without the error, while it lasts.
    if (error === null || log === undefined) return
    if (code === 'DAYBOOK_ENGINE_GAVE_WAY' && !this.#world.chaos.isForgottenBy(this.process)) {
      this.#world.happened.add('gave way')
      return
    }
    const isLoss = code === 'DAYBOOK_ENGINE_LOG_LOST' && typeof last === 'bigint'
    if (isLoss && last >= log.bounds.logStart && log.isHole(last)) {
      this.#world.happened.add('hole accepted')
      let through = last
      // What one fetch shows of a hole need not be all of it.
      while (log.isHole(through + 1n)) through++
      store.acceptLoss(log.partition, through)
      return
    }
    if (!isLoss || last >= log.bounds.logStart) {
      sim.violate(`${this.process.name} stopped: ${error instanceof Error ? error.stack : code}`)
      return
    }
    this.#world.happened.add('loss accepted')
    store.acceptLoss(log.partition, log.bounds.logStart - 1n)
  }
}
