import type { Admin, Kafka } from 'kafkajs'
import type { PartitionRef } from '../../../consumers/engine/contracts.ts'
import type { WorkerKind } from '../faults/plan.ts'
import type { Ground } from '../faults/topics.ts'
import type { World } from '../faults/world.ts'
import type { CellName } from './matrix.ts'

/** What a case may touch: what its actor could. */
export interface Attack {
  readonly world: World
  readonly ground: Ground
  readonly kafka: Kafka
  readonly admin: Admin
  /** The partition that is attacked; good events flow into it and into all others throughout. */
  readonly target: PartitionRef
  /** The id of the event schema, and its text. */
  readonly schemaId: number
  readonly schemaText: string
  /** A valid event in wire format, not one of the good traffic. */
  validEvent(over?: Readonly<Record<string, unknown>>): Buffer
  /** Sends one record batch as it is to the target (or another partition of its topic); the broker must take it. */
  sendBatch(batch: Buffer, partition?: number): Promise<bigint>
  /** Sends values through a usual client to the target, in one batch where they fit. */
  sendValues(values: readonly (Buffer | null)[], partition?: number): Promise<void>
  /** Counts bytes that the broker received from the attacker, where neither of the two above was used. */
  received(bytes: number): void
  /** Keeps a figure that was measured with the result. */
  note(figure: string): void
  /**
   * Ends good traffic to these partitions of the target's topic, and resolves when all of it has arrived in both
   * stores: for attacks that destroy or hold up the partition itself, where only what comes later is looked at.
   */
  quiet(partitions: readonly number[]): Promise<void>
  /** Good traffic to all partitions that the topics have now, new ones and those made again too. */
  resume(): Promise<void>
  /** Resolves when `isTrue` gives true; rejects after `timeoutMs` (default 30 s), naming `what`. */
  until(what: string, isTrue: () => Promise<boolean> | boolean, timeoutMs?: number): Promise<void>
  /** What a worker says of itself now. */
  readyz(kind: WorkerKind): Promise<{ readonly status: number; readonly text: string }>
  healthz(kind: WorkerKind): Promise<{ readonly status: number; readonly text: string }>
  /** The value of a metric of a worker, summed over all label sets that `labels` is part of; 0 where there is none. */
  metric(kind: WorkerKind, name: string, labels?: Readonly<Record<string, string>>): Promise<number>
  /** The lines of `/metrics` that match, for what a failure says. */
  metricLines(kind: WorkerKind, pattern: RegExp): Promise<string>
  /** Rows of a plain question to ClickHouse, by an operator who looks what became of the attack. */
  sql<Row>(query: string): Promise<Row[]>
  /** Runs `daybook <args>` against these servers. */
  daybook(
    ...args: readonly string[]
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>
}

export interface HostileCase {
  /** What is done, as a sentence. */
  readonly name: string
  readonly cells: readonly CellName[]
  /** The case leaves topics, partitions or the registry in another state: it gets servers' objects of its own. */
  readonly isolated?: boolean
  /** Part of `npm test`; the others run in the campaign only. */
  readonly inTest: boolean
  /**
   * Does it, and checks what is particular to it. What holds for every case is checked around it: good events of all
   * partitions arrive once in both stores, neighbours in time, no worker ends, memory and quarantine stay in bounds.
   * @throws where something particular is not as it must be
   */
  readonly run: (attack: Attack) => Promise<void>
  /** Partitions (of the target's topic) that may stand still while the case runs; it must have healed when `run` ends. */
  readonly mayStop?: readonly number[]
  /**
   * How much later neighbours may come, where the attack makes a whole group share its partitions anew, or all clients of
   * the broker wait. Default 1 s.
   */
  readonly mayDelayMs?: number
  /** Workers may end by themselves, for the reason given here. Default: never. */
  readonly mayEnd?: string
}

/** What was seen of one case. */
export interface CaseResult {
  readonly name: string
  readonly cells: readonly CellName[]
  readonly seconds: number
  /** Good events that are not in both stores. */
  readonly lost: number
  /** Good events that the view does not show once. */
  readonly hidden: number
  /** Partitions besides the attacked one (or `mayStop`) that were stopped or stood still, and workers that ended. */
  readonly stoppedOthers: number
  /** 99th percentile of the neighbours' delay in milliseconds, less that without an attack; null: nothing measured. */
  readonly neighbourDelayMsP99: number | null
  /** A whole group shared its partitions anew, or all clients waited: there were no neighbours (`mayDelayMs`). */
  readonly isOfGroup: boolean
  readonly peakRssMb: Readonly<Record<WorkerKind, number>>
  readonly receivedBytes: number
  readonly quarantineBytes: number
  /** What the case measured. */
  readonly figures: readonly string[]
  /** What is not as it must be; empty: the case holds. */
  readonly faults: readonly string[]
}
