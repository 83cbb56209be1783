import type { AssignedPartition, Committed } from '../../../consumers/engine/contracts.ts'
import { partitionKey } from '../../../consumers/engine/contracts.ts'
import type { FakeLog } from './fake-log.ts'
import type { Simulation } from './simulation.ts'

export interface FakeGroupOptions {
  readonly sim: Simulation
  readonly logs: readonly FakeLog[]
  /** A member without a heartbeat for so long is removed from the group. */
  readonly sessionMs: number
  /** Called for each commit that takes effect. */
  readonly onCommit: (log: FakeLog, next: bigint) => void
}

/** The coordinator of one consumer group: members, generations, assignment, committed offsets. */
export class FakeGroup {
  readonly committed = new Map<string, bigint>()
  readonly #options: FakeGroupOptions
  readonly #members = new Map<string, number>()
  #assignment = new Map<string, FakeLog[]>()
  #generation = 0

  constructor(options: FakeGroupOptions) {
    this.#options = options
  }

  get members(): readonly string[] {
    return [...this.#members.keys()]
  }

  /** The generation in which `member` has its place now; null when it has none and must join. */
  heartbeat(member: string): number | null {
    this.#expire()
    if (!this.#members.has(member)) return null
    this.#members.set(member, this.#options.sim.now)
    return this.#generation
  }

  join(member: string): void {
    this.#members.set(member, this.#options.sim.now)
    this.rebalance()
  }

  leave(member: string): void {
    if (this.#members.delete(member)) this.rebalance()
  }

  /** A new generation; who gets what is drawn anew, which is the worst that an assigner can do. */
  rebalance(): void {
    const { sim, logs } = this.#options
    this.#generation++
    this.#assignment = new Map(this.members.map((member) => [member, []]))
    for (const log of logs) {
      if (this.members.length > 0) this.#assignment.get(sim.pick(this.members))?.push(log)
    }
    sim.log(`generation ${this.#generation}: ${this.members.join(' ')}`)
  }

  assignmentOf(member: string): readonly FakeLog[] {
    return this.#assignment.get(member) ?? []
  }

  assigned(member: string): readonly AssignedPartition[] {
    return this.assignmentOf(member).map((log) => ({
      partition: log.partition,
      facts: { ok: true, committed: this.#markOf(log), ...log.bounds },
    }))
  }

  #markOf(log: FakeLog): Committed | null {
    const position = this.committed.get(partitionKey(log.partition))
    return position === undefined ? null : { position, note: null }
  }

  /** False, without effect, when the generation is over or the member has no place. */
  commit(member: string, generation: number, next: ReadonlyMap<string, bigint>): boolean {
    this.#expire()
    if (generation !== this.#generation || !this.#members.has(member)) return false
    for (const [key, position] of next) {
      const log = this.#options.logs.find((candidate) => partitionKey(candidate.partition) === key)
      if (log === undefined) continue
      this.committed.set(key, position)
      this.#options.onCommit(log, position)
    }
    return true
  }

  #expire(): void {
    const { sim, sessionMs } = this.#options
    const late = [...this.#members].filter(([, seen]) => sim.now - seen > sessionMs).map(([member]) => member)
    if (late.length === 0) return
    for (const member of late) this.#members.delete(member)
    this.rebalance()
  }
}
