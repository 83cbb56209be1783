/**
 * The interfaces between the engine and what it is given: a source (Kafka), a sink (ClickHouse, the archive) and a
 * checker (schemas). The engine knows no client library. Terms are those of docs/guide: range, cut, delivery,
 * fence, tip.
 */
import type { DaybookError } from '../../schemas/errors.ts'
import type { BadRecordCode, SourceRecord } from './source-record.ts'

export type { BadRecordCode, SourceRecord }

/** One partition of one incarnation of a topic. A topic that was deleted and made again has another `topicId`. */
export interface PartitionRef {
  readonly topic: string
  /** Kafka's topic id as a canonical lower-case UUID, so that stores can keep it in a UUID column. */
  readonly topicId: string
  readonly partition: number
}

/** Why a range has no record at an offset. The list is closed. */
export type GapReason =
  /** A transaction marker. */
  | 'control'
  /** A record of an aborted transaction; in a range of very many gaps also the markers beside such records. */
  | 'aborted'
  /** In archives of before 0.2 only: the log held no record there. A hole in a log is a loss since then. */
  | 'absent'
  /** Lost before it was read (retention, a cut log, a hole in it); an operator accepted it with `daybook offsets accept-gap`. */
  | 'lost_accepted'
  /** In a record batch that is quarantined as a whole; its bytes stand at its first offset (`SourceRecord.fault`). */
  | 'quarantined'

/** Offsets `first`..`last`, both included, at which there is no record. */
export interface Gap {
  readonly first: bigint
  readonly last: bigint
  readonly reason: GapReason
  /**
   * Where the gap begins in a record batch that holds no such offset, or could not be taken apart: when the broker
   * appended that batch, in milliseconds since the Unix epoch; null: only the producer says when.
   */
  readonly brokerTime?: number | null
}

/** What the checker says of a record's value. `payloadStart` is where the Avro bytes begin in the value. */
export type Verdict =
  | {
      readonly kind: 'event'
      readonly schemaId: number
      readonly payloadStart: number
      /** Whether the bytes are as our own encoder would write them (`Skipper.canonical`); not said: a sink that cares looks itself. */
      readonly canonical?: boolean
    }
  | { readonly kind: 'tombstone' }
  | {
      readonly kind: 'bad'
      readonly code: BadRecordCode
      readonly reason: string
      readonly schemaId: number | null
    }

/** A record that is neither taken nor quarantined: its partition stops before it until another version runs. */
export type Unsettled =
  /** The checker refuses it and the second reader takes it: the fault is this program's. */
  | { readonly kind: 'disputed'; readonly schemaId: number; readonly reason: string }
  /** A good event of a schema that says more than this worker's store has a place for. */
  | { readonly kind: 'newer'; readonly schemaId: number }

export interface CheckedRecord {
  readonly record: SourceRecord
  readonly verdict: Verdict
  /**
   * Of a bad record, where the sink does not keep those: the batch that it came in, shared by all bad records of that
   * batch. `record` then has neither key nor value.
   */
  readonly batch?: BadBatch
}

/** One bad record, as the quarantine lists it. */
export interface BadRecord {
  readonly offset: bigint
  readonly code: BadRecordCode
  readonly reason: string
  readonly schemaId: number | null
}

/** A record batch that holds bad records: the quarantine takes it once, however many of its records are bad. */
export interface BadBatch {
  /** First and last offset, as the batch's header says. */
  readonly first: bigint
  readonly last: bigint
  /** Milliseconds since the Unix epoch. */
  readonly appendTime: number
  /** The whole batch as Kafka holds it, header included and compressed as it came. Keeps no fetch answer in memory. */
  readonly bytes: Buffer
  /** In offset order; complete before the first of them is handed to a sink. */
  readonly bad: readonly BadRecord[]
  /** The batch could not be taken apart: all of its offsets are quarantined. */
  readonly isWhole: boolean
}

/** What goes to quarantine. */
export type Quarantined =
  | { readonly kind: 'batch'; readonly batch: BadBatch }
  /** A record that the store refused although the checker had accepted it. */
  | { readonly kind: 'record'; readonly record: SourceRecord; readonly bad: BadRecord }

/** Consecutive offsets of one partition that one delivery covers: `first` is the previous range's `last` + 1. */
export interface Range {
  readonly partition: PartitionRef
  readonly first: bigint
  readonly last: bigint
  /** In offset order, at least one. */
  readonly records: readonly CheckedRecord[]
  /** In offset order; records and gaps together cover first..last exactly. */
  readonly gaps: readonly Gap[]
  /** What the range holds in memory (`heldBytes`). */
  readonly bytes: number
}

/** What a store already holds of a partition. */
export interface Tip {
  /** The last offset that the store has dealt with (held, quarantined or a listed gap); null: nothing yet. */
  readonly last: bigint | null
  /** The last stored record; null where nothing is stored, or what is stored cannot be compared with Kafka. */
  readonly lastRecord: TipRecord | null
  /** An operator accepted that offsets up to this one are lost from Kafka (`daybook offsets accept-gap`). */
  readonly acceptedLossThrough: bigint | null
}

/** The last record that a store holds of a partition. */
export interface TipRecord {
  readonly offset: bigint
  /** SHA-256, see `Sink.fingerprint`. */
  readonly hash: Buffer
  /** As what it is stored, where the store knows. An `event` that no longer decodes when it is read again stops the partition. */
  readonly kind?: 'event' | 'tombstone' | 'quarantined'
}

/** What became of one range in a delivery that did not throw. */
export type RangeOutcome =
  /** Durable in the store, exactly once. */
  | 'delivered'
  /** Another owner has taken the partition: nothing of this range was written by this call. */
  | 'fenced'
  | FailedRange

/**
 * This range was not delivered, or it is not known whether it was; the outcomes of the other ranges stand. After a
 * retryable error the caller asks `claim.tip()` before it tries again; any other stops the partition.
 */
export interface FailedRange {
  readonly kind: 'failed'
  readonly error: unknown
}

/**
 * A worker's exclusive right to write one partition, taken from the store without clocks. It ends when another
 * claim is taken; the holder learns of it by the outcome `fenced`.
 */
export interface Claim {
  readonly partition: PartitionRef
  /**
   * Asks the store. Safe at any time, also between the attempts of an ambiguous delivery: when it returns, no
   * earlier write under this claim can take effect any more (it waits for one that may still be running in the
   * store, or ends it), so that what the answer does not cover may be sent again.
   */
  tip(signal?: AbortSignal): Promise<Tip>
}

export interface Sink {
  readonly name: 'hot' | 'cold' | (string & {})
  /**
   * Default true. False: the sink hands bad records to the quarantine. It then gets them without key and value, but
   * with the batch that they came in (`CheckedRecord.batch`), where the source gives batches.
   */
  readonly keepsBadRecords?: boolean
  /**
   * Takes the exclusion for `partition`. When it returns, no write under an earlier claim can take effect any
   * more, earlier claims of this very process included (a rejoin claims again while an old delivery may still
   * run), so that `claim.tip()` is final until this claim writes or loses its right. A store whose exclusion is a
   * create-only key may instead let such a write win once more; a delivery of the same offsets then ends as `fenced`.
   * `log`: the log's bounds as they were found lately; a store may need them to begin with a partition by itself.
   * A refusal is not kept: asked again, the store answers anew.
   * @throws DaybookError retryable when the store cannot be asked; not retryable for configuration,
   *   authorisation, a changed topic id, or contradicting contents. May be called again after any throw.
   */
  claim(partition: PartitionRef, signal: AbortSignal, log?: LogBounds | null): Promise<Claim>
  /**
   * Writes ranges, at most one per partition, each under its claim. Returns when every range is durable or fenced;
   * outcomes are in the order of `deliveries`. Ends within bounded time, `signal` or not. The caller may not assume that a throw means nothing was written:
   * after any throw it asks `claim.tip()` for each range before it tries again.
   */
  deliver(deliveries: readonly Delivery[], signal: AbortSignal): Promise<readonly RangeOutcome[]>
  /**
   * Default false. True: writing this range may take far longer than writing others. It then shares no delivery with
   * those, and one delivery is always left to them.
   */
  isSlow?(range: Range): boolean
  /** SHA-256 of a record as `Tip.lastRecord` reports it, to compare the store's tip with Kafka. */
  fingerprint(record: CheckedRecord, partition: PartitionRef): Buffer
  close(): Promise<void>
}

export interface Delivery {
  readonly claim: Claim
  readonly range: Range
}

/** Decides, without I/O on the hot path, what a record is. */
export interface Checker {
  /**
   * Loads what `check` needs for these records; cheap when all schemas are known, and a few requests whatever ids they
   * name. `position`: where they come from, so that one look at the registry serves for all that stands in the log.
   * Rejects retryable when the registry is unreachable.
   */
  prepare(records: readonly SourceRecord[], position?: LogPosition): Promise<void>
  /** Never throws, never costs more than O(bytes). Call only after `prepare` for the same records. */
  check(record: SourceRecord): Verdict | Unsettled
}

/** A partition, and the offset below which its log stood when it was fetched. */
export interface LogPosition {
  readonly partition: PartitionRef
  readonly highWatermark: bigint
}

/**
 * Where bad records go, when the sink does not keep them in place. Returns when durable. Repeats are harmless; a
 * batch that it wrote lately is not written again.
 */
export interface Quarantine {
  put(partition: PartitionRef, items: readonly Quarantined[]): Promise<void>
}

/** When an open range is closed. Any trigger that fires closes it; a range is never empty. */
export interface CutPolicy {
  readonly maxRows: number
  readonly maxBytes: number
  /** Milliseconds since the range's first record was appended to it. */
  readonly maxAgeMs: number
  /** True when the record `next` must not join a range that begins with the record `first`. */
  readonly boundary?: (first: SourceRecord, next: SourceRecord) => boolean
}

/** What the source hands over for one partition: records and gaps in offset order, as one fetch returned them. */
export interface SourceBatch {
  readonly partition: PartitionRef
  /** Grows with each group generation of this member. */
  readonly generation: number
  readonly records: readonly SourceRecord[]
  readonly gaps: readonly Gap[]
  /** The record batches that the records came in, in offset order, as Kafka holds them. */
  readonly batches?: readonly RecordBatchBytes[]
  /** First and last offset that this fetch covers, gaps at both ends included. */
  readonly first: bigint
  readonly last: bigint
  readonly highWatermark: bigint
}

/** A record batch as Kafka holds it. */
export interface RecordBatchBytes {
  /** First and last offset, as the batch's header says; `first` may lie before what was asked for. */
  readonly first: bigint
  readonly last: bigint
  /** Milliseconds since the Unix epoch, of the last record. */
  readonly appendTime: number
  /** Header included, compressed as it came. A view of the fetch answer: copy what is kept. */
  readonly bytes: Buffer
}

export interface LogBounds {
  /** The first offset that Kafka still holds. */
  readonly logStart: bigint
  /** The next offset that will be written. */
  readonly logEnd: bigint
  /** Before `logEnd` where a transaction is open: from here on nothing is handed over until it ends. */
  readonly readableEnd: bigint
}

/** What the group has committed of a partition. Only a hint. */
export interface Committed {
  readonly position: bigint
  /** What the committing worker said besides, see `CommitMark`; null: nothing. */
  readonly note: string | null
}

/** What Kafka says of a partition now. */
export type PartitionFacts =
  | ({ readonly ok: true; readonly committed: Committed | null } & LogBounds)
  /** It must not be read now: the topic is gone, was made anew, is set up wrongly, or may not be read. */
  | { readonly ok: false; readonly error: unknown }

export interface AssignedPartition {
  readonly partition: PartitionRef
  /** `kept`: it was this member's in the generation before and nobody else's since; it is read on where it is. */
  readonly facts: PartitionFacts | 'kept'
}

/** What the source calls. Calls of `batch` for one partition never overlap. None of the calls throws or rejects. */
export interface SourceListener {
  /**
   * A new generation: these are all the partitions of this member. What was open of those that are `kept` goes on;
   * all else of the generation before is void. Nothing of the other partitions is handed over before the listener
   * calls `Source.read`. `signal` aborts when the generation is over.
   */
  assigned(generation: number, partitions: readonly AssignedPartition[], signal: AbortSignal): void
  /** Resolves when the batch is taken in (not delivered). Slow is allowed: heartbeats go on meanwhile. */
  batch(batch: SourceBatch): Promise<void>
  /** The source cannot go on with this partition, and hands over nothing more of it until `Source.read`. */
  partitionFailed(generation: number, partition: PartitionRef, error: unknown): void
  /**
   * What is wrong with a topic, whether or not its partitions are read on; null: nothing any more. Operators have to
   * know: events of it may be lost later, or there is no such topic.
   */
  topicConcern(topic: string, error: DaybookError | null): void
  /** The source cannot go on with anything; the process must end. */
  crashed(error: unknown): void
}

/** `partitionKey(ref)` of each partition: `<topicId>/<partition>`. */
export function partitionKey(ref: PartitionRef): string {
  return `${ref.topicId}/${ref.partition}`
}

export interface CommitMark {
  /** Last delivered offset + 1. */
  readonly position: bigint
  /** At most 1,000 bytes, kept with the position for whoever looks at the group; null: nothing to say. */
  readonly note: string | null
}

export interface Source {
  /** Joins the group and feeds `listener` until `stop`. */
  start(listener: SourceListener): Promise<void>
  /**
   * Begins to hand over `partition` from `position` on, whatever was handed over before. Without effect when
   * `generation` is over or does not have the partition.
   */
  read(generation: number, partition: PartitionRef, position: bigint): void
  /** Hands over nothing more of `partition` until `read`; what is with the listener stays there. */
  release(partition: PartitionRef): void
  /**
   * Commits under `generation`; gives those of the partitions that the group did not take. Rejects, without effect, when
   * that generation is over.
   */
  commit(
    generation: number,
    marks: ReadonlyMap<PartitionRef, CommitMark>,
  ): Promise<ReadonlyMap<PartitionRef, unknown>>
  /** Asks Kafka now, by `partitionKey`. @throws DaybookError retryable when no broker answers */
  facts(partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, PartitionFacts>>
  /**
   * Asks the log now, by `partitionKey`; without those that cannot be asked. Used by the watchdog, which must not take
   * a source that hands over nothing for one that has nothing. @throws DaybookError when no broker answers
   */
  bounds(partitions: readonly PartitionRef[]): Promise<ReadonlyMap<string, LogBounds>>
  /** Stops fetching these partitions until `resume`; batches already under way may still arrive. */
  pause(partitions: readonly PartitionRef[]): void
  resume(partitions: readonly PartitionRef[]): void
  /** Stops fetching everything, but stays in the group, so that commits work. */
  quiesce(): Promise<void>
  /** Leaves the group. */
  stop(): Promise<void>
}
