import type { DaybookError } from '../../schemas/errors.ts'
import type {
  BadRecordCode,
  GapReason,
  PartitionRef,
  Range,
  RangeOutcome,
  SourceRecord,
  Tip,
} from './contracts.ts'
import type { StoppedPartition } from './stopped-partition.ts'

/** Which step is being tried again. */
export type RetriedStep = 'claim' | 'tip' | 'prepare' | 'deliver' | 'reclaim' | 'commit'

export type CutCause = 'rows' | 'bytes' | 'age' | 'early' | 'boundary' | 'memory' | 'stop' | 'shutdown'

/** For every range: offsets = records + quarantined + gaps. */
export interface RangeAccount {
  readonly offsets: bigint
  /** Events and tombstones. */
  readonly delivered: number
  readonly quarantined: number
  readonly gaps: bigint
  readonly gapsByReason: ReadonlyMap<GapReason, bigint>
}

/** What the engine tells about itself, for metrics and logs. Called synchronously: must be cheap and must not throw. */
export interface EngineObserver {
  assigned(generation: number, partitions: readonly PartitionRef[]): void
  /** The exclusion is taken; `position` is the next offset that the store wants. */
  claimed(partition: PartitionRef, tip: Tip, position: bigint): void
  fetched(partition: PartitionRef, records: readonly SourceRecord[], highWatermark: bigint): void
  /** So many records go to quarantine with their range. */
  badRecords(partition: PartitionRef, code: BadRecordCode, count: number): void
  /** Many bad records in a row: a producer is broken. Repeated each time the count doubles; within a minute only for a longer run. */
  flood(partition: PartitionRef, code: BadRecordCode, inARow: number): void
  cut(range: Range, cause: CutCause): void
  deliveryStarted(ranges: readonly Range[]): void
  /** `outcome` is null after a throw: what the store holds is asked next. */
  deliveryEnded(ranges: readonly Range[], outcomes: readonly RangeOutcome[] | null, ms: number): void
  /** The store is known to hold these offsets, by its answer or by its tip. Once per range, or part of a range. */
  accounted(partition: PartitionRef, account: RangeAccount): void
  fenced(partition: PartitionRef): void
  committed(partition: PartitionRef, next: bigint): void
  /** `partition` is null where the step concerns several. */
  retrying(step: RetriedStep, partition: PartitionRef | null, delayMs: number, error: unknown): void
  /** A partition has stopped, because of `error`; again each minute while it lasts, and then `error` is null. */
  stopped(stop: StoppedPartition, error: unknown): void
  /** It goes on, or belongs to another member now. */
  healed(stop: StoppedPartition): void
  /** Something is wrong with a topic; null: no more. */
  topicConcern(topic: string, error: DaybookError | null): void
  /** The engine has stopped for good; the process must end. */
  crashed(error: unknown): void
}

const ignore = (): void => undefined

export const noObserver: EngineObserver = {
  assigned: ignore,
  claimed: ignore,
  fetched: ignore,
  badRecords: ignore,
  flood: ignore,
  cut: ignore,
  deliveryStarted: ignore,
  deliveryEnded: ignore,
  accounted: ignore,
  fenced: ignore,
  committed: ignore,
  retrying: ignore,
  stopped: ignore,
  healed: ignore,
  topicConcern: ignore,
  crashed: ignore,
}
