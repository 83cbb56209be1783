import { badValue, goodValue } from '../support/fakes/fake-checker.ts'
import type { FakeLog } from '../support/fakes/fake-log.ts'
import type { FakeFaults } from '../support/fakes/fake-sink.ts'
import type { FakeSourceOptions } from '../support/fakes/fake-source.ts'
import type { SimProcess } from '../support/fakes/simulation.ts'
import type { World } from './world.ts'

/** More than any worker stands still that was stopped before the faults ended. */
const FORGOTTEN_AFTER_MS = 10_000

/** Everything that happens to the workers, and the producer. */
export class Chaos {
  registryIsDown = false
  #overSince = Number.POSITIVE_INFINITY
  readonly #world: World
  /** How likely a request to the store or broker fails; drawn per run, so that some runs are calm. */
  readonly #faultRate: number
  #lossAllowed: boolean
  #refused: FakeLog | null = null

  constructor(world: World) {
    this.#world = world
    this.#faultRate = world.sim.pick([0, 0.03, 0.1, 0.25])
    this.#lossAllowed = world.sim.chance(0.15)
  }

  get storeFaults(): FakeFaults {
    const { sim } = this.#world
    return {
      write: () =>
        this.#fails() ? sim.pick(['refused', 'cut_off', 'answer_lost', 'partial'] as const) : null,
      refuses: (partition) => this.#refused?.partition === partition,
      ask: () => this.#fails(),
      kills: () => sim.chance(0.5),
    }
  }

  get brokerFaults(): FakeSourceOptions['faults'] {
    const { sim } = this.#world
    return {
      commitFails: () => (this.#fails() ? sim.pick(['before', 'after'] as const) : null),
      boundsFail: () => this.#fails(),
    }
  }

  get isOver(): boolean {
    return this.#overSince < Number.POSITIVE_INFINITY
  }

  start(forMs: number): void {
    const { sim } = this.#world
    for (const log of this.#world.logs) for (let n = sim.between(0, 25); n > 0; n--) this.#produce(log)
    void this.#producer(sim.now + forMs)
    void this.#troubles()
  }

  end(): void {
    this.#overSince = this.#world.sim.now
    this.registryIsDown = false
    this.#refused = null
    for (const worker of this.#world.workers) worker.process.frozenUntil = 0
    this.#world.scale(1)
    this.#world.sim.log('faults end')
  }

  /** So long after the last fault, and after the process last stood still, that it has tried again what failed. */
  isForgottenBy({ frozenUntil }: SimProcess): boolean {
    return this.#world.sim.now > Math.max(this.#overSince, frozenUntil) + FORGOTTEN_AFTER_MS
  }

  #fails(): boolean {
    return !this.isOver && this.#world.sim.chance(this.#faultRate)
  }

  async #producer(until: number): Promise<void> {
    const { sim, logs } = this.#world
    while (sim.now < until) {
      const log = sim.pick(logs)
      for (let n = sim.between(1, 6); n > 0; n--) this.#produce(log)
      await sim.delay(sim.between(5, 80))
    }
  }

  #produce(log: FakeLog): void {
    const { sim } = this.#world
    const kind = sim.random()
    const text = `${log.partition.partition}-${log.bounds.logEnd}`.padEnd(sim.between(1, 60), '.')
    if (kind < 0.004) log.appendHole()
    else if (kind < 0.08) log.appendGap('control')
    else if (kind < 0.14) log.appendGap('aborted')
    else if (kind < 0.18) log.append(null, sim.now, Buffer.from(text))
    else if (kind < 0.24) log.append(badValue(sim.between(1, 2), text), sim.now)
    else if (kind < 0.26) log.append(Buffer.from(text), sim.now)
    else log.append(goodValue(1, text), sim.now)
  }

  async #troubles(): Promise<void> {
    const { sim } = this.#world
    while (!this.isOver) {
      await sim.delay(sim.between(20, 250))
      if (this.isOver) return
      this.#trouble()
    }
  }

  #trouble(): void {
    const { sim, workers, group } = this.#world
    const worker = workers.length > 0 ? sim.pick(workers) : null
    const what = sim.random()
    if (what < 0.3) worker?.arm('freeze')
    else if (what < 0.45) worker?.arm('kill')
    else if (what < 0.55) worker?.process.freeze(sim.between(10, 3_000))
    else if (what < 0.6) worker?.die()
    else if (what < 0.7) group.rebalance()
    else if (what < 0.85) this.#forgeCommit()
    else if (what < 0.95) this.#truncate()
    else if (what < 0.98) this.#registryOutage()
    else this.#refuseOne()
  }

  #forgeCommit(): void {
    const { sim, group } = this.#world
    for (const [key, position] of group.committed) {
      const what = sim.random()
      if (what < 0.3) group.committed.delete(key)
      else if (what < 0.6) group.committed.set(key, position / 2n)
      else if (what < 0.7) group.committed.set(key, position + 50n)
    }
    sim.log('committed offsets forged')
  }

  /** Retention: mostly of what is stored; in some runs once of more. */
  #truncate(): void {
    const { sim, logs, store } = this.#world
    const log = sim.pick(logs)
    const stored = (store.tip(log.partition).last ?? -1n) + 1n
    const through = stored - BigInt(sim.between(0, 10))
    if (this.#lossAllowed && sim.chance(0.4) && stored + 3n < log.bounds.logEnd) {
      this.#lossAllowed = false
      log.truncateBefore(stored + BigInt(sim.between(1, 3)))
      sim.log(`${log.partition.partition}: lost up to ${log.bounds.logStart}`)
    } else if (through > 0n) log.truncateBefore(through)
  }

  #registryOutage(): void {
    const { sim } = this.#world
    this.registryIsDown = true
    sim.log('registry down')
    sim.at(sim.between(50, 1_500), null, () => {
      this.registryIsDown = false
    })
  }

  /** The store takes nothing of one partition for a while. */
  #refuseOne(): void {
    const { sim, logs } = this.#world
    const log = sim.pick(logs)
    this.#refused = log
    sim.log(`${log.partition.partition}: refused by the store`)
    sim.at(sim.between(500, 3_000), null, () => {
      this.#refused = null
    })
  }
}
