import type {
  CommitMark,
  LogBounds,
  PartitionFacts,
  PartitionRef,
  Source,
  SourceListener,
} from '../../../consumers/engine/contracts.ts'
import { partitionKey } from '../../../consumers/engine/contracts.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import type { FakeGroup } from './fake-group.ts'
import type { FakeLog } from './fake-log.ts'
import type { SimProcess } from './simulation.ts'

export interface FakeSourceOptions {
  readonly process: SimProcess
  readonly group: FakeGroup
  readonly logs: readonly FakeLog[]
  readonly heartbeatMs: number
  /** Drawn for every request: may make it fail before or after its effect. */
  readonly faults: {
    readonly commitFails: () => 'before' | 'after' | null
    readonly boundsFail: () => boolean
  }
}

interface Reading {
  readonly generation: number
  readonly from: bigint
  /** Aborts when the generation is over. */
  readonly over: AbortSignal
  /** Aborts when the partition is released. */
  readonly released: AbortSignal
}

/** One member of a group over fake logs: learns late of rebalances, re-delivers at times, jumps over lost offsets. */
export class FakeSource implements Source {
  readonly #options: FakeSourceOptions
  readonly #paused = new Set<string>()
  readonly #reading = new Map<string, AbortController>()
  #listener: SourceListener | null = null
  #generation: number | null = null
  #over = new AbortController()
  #fetching = true
  #stopped = false

  constructor(options: FakeSourceOptions) {
    this.#options = options
  }

  async start(listener: SourceListener): Promise<void> {
    const { process, group } = this.#options
    this.#listener = listener
    await process.hop()
    group.join(process.name)
    void this.#heartbeats()
  }

  async commit(
    generation: number,
    marks: ReadonlyMap<PartitionRef, CommitMark>,
  ): Promise<ReadonlyMap<PartitionRef, unknown>> {
    const { process, group, faults } = this.#options
    const fails = faults.commitFails()
    await process.hop()
    if (fails === 'before') throw unavailable()
    const byKey = new Map([...marks].map(([ref, { position }]) => [partitionKey(ref), position]))
    if (!group.commit(process.name, generation, byKey)) throw unavailable()
    await process.hop()
    if (fails === 'after') throw unavailable()
    return new Map()
  }

  async bounds(partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, LogBounds>> {
    const { process, logs, faults } = this.#options
    const fails = faults.boundsFail()
    await process.hop()
    if (fails) throw unavailable()
    const keys = new Set(partitions.map(partitionKey))
    const found = logs.filter((log) => keys.has(partitionKey(log.partition)))
    const answer = new Map(found.map((log) => [partitionKey(log.partition), log.bounds]))
    await process.hop()
    return answer
  }

  async facts(partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, PartitionFacts>> {
    const bounds = await this.bounds(partitions)
    return new Map([...bounds].map(([key, log]) => [key, { ok: true, ...log, committed: null }]))
  }

  read(generation: number, partition: PartitionRef, position: bigint): void {
    const { group, process } = this.#options
    const log = group.assignmentOf(process.name).find((candidate) => candidate.partition === partition)
    if (log === undefined || generation !== this.#generation || this.#over.signal.aborted) return
    this.release(partition)
    const released = new AbortController()
    this.#reading.set(partitionKey(partition), released)
    void this.#read(log, { generation, from: position, over: this.#over.signal, released: released.signal })
  }

  release(partition: PartitionRef): void {
    this.#reading.get(partitionKey(partition))?.abort()
  }

  pause(partitions: readonly PartitionRef[]): void {
    for (const partition of partitions) this.#paused.add(partitionKey(partition))
  }

  resume(partitions: readonly PartitionRef[]): void {
    for (const partition of partitions) this.#paused.delete(partitionKey(partition))
  }

  async quiesce(): Promise<void> {
    this.#fetching = false
    await this.#options.process.hop()
  }

  async stop(): Promise<void> {
    const { process, group } = this.#options
    this.#stopped = true
    this.#over.abort()
    await process.hop()
    group.leave(process.name)
  }

  async #heartbeats(): Promise<void> {
    const { process, group, heartbeatMs } = this.#options
    while (!this.#stopped) {
      const generation = group.heartbeat(process.name)
      if (generation === null) group.join(process.name)
      else if (generation !== this.#generation) void this.#begin(generation)
      await process.sim.delay(heartbeatMs, process)
    }
  }

  /** Does not wait for what the old generation still has under way, as in kafkajs. */
  async #begin(generation: number): Promise<void> {
    const { process, group } = this.#options
    this.#generation = generation
    this.#over.abort()
    this.#over = new AbortController()
    const over = this.#over.signal
    const assigned = group.assigned(process.name)
    await process.hop()
    if (!over.aborted) this.#listener?.assigned(generation, assigned, over)
  }

  async #read(log: FakeLog, { generation, from, over, released }: Reading): Promise<void> {
    const { process } = this.#options
    const { sim } = process
    let position = from
    while (!over.aborted && !released.aborted && !this.#stopped) {
      await sim.delay(sim.latencyMs(), process)
      const paused = this.#paused.has(partitionKey(log.partition)) || !this.#fetching
      const batch = paused ? null : log.fetch(position, sim.between(1, 12))
      if (batch === null) {
        await sim.delay(40, process)
        continue
      }
      await process.hop()
      // At times a batch of the old generation still comes through.
      if (released.aborted || (over.aborted && sim.chance(0.5))) return
      await this.#listener?.batch({ partition: log.partition, generation, ...batch })
      position = batch.last + 1n
      // A rejoin inside one generation delivers again what was delivered.
      if (sim.chance(0.03)) position = from > position - 8n ? from : position - 8n
    }
  }
}

function unavailable(): DaybookError {
  return new DaybookError('DAYBOOK_TEST_UNAVAILABLE', 'the fake broker does not answer', { retryable: true })
}
