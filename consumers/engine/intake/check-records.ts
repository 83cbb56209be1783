import { BATCH_FIELD, BATCH_HEADER_BYTES } from '../../../runtime/kafka-wire/batch-header.ts'
import type {
  BadBatch,
  BadRecord,
  CheckedRecord,
  Checker,
  PartitionRef,
  RecordBatchBytes,
  Sink,
  Verdict,
} from '../contracts.ts'
import { settled } from '../faults.ts'
import { SourceRecord } from '../source-record.ts'

export interface CheckAllOptions {
  readonly partition: PartitionRef
  readonly records: readonly SourceRecord[]
  /** In offset order; may be fewer than the records came in. */
  readonly batches: readonly RecordBatchBytes[]
  readonly checker: Pick<Checker, 'check'>
  readonly sink: Pick<Sink, 'keepsBadRecords'>
}

export interface AllChecked {
  readonly records: readonly CheckedRecord[]
  /** Why the partition must not go on past `records`, and the offset of the record that says so; null: it may. */
  readonly stop: { readonly offset: bigint; readonly error: unknown } | null
}

/**
 * Checks all records before the first is handed on, so that the list of bad records of a batch is complete by then.
 * For a sink that keeps no bad records each of them loses its key and value, and refers to a copy of its batch as
 * Kafka holds it: a batch of 2 kB may unpack to 60 MiB, and is all that the quarantine wants.
 */
export function checkAll({ partition, records, batches, checker, sink }: CheckAllOptions): AllChecked {
  const checked: CheckedRecord[] = []
  let hasBad = false
  let stop: AllChecked['stop'] = null
  for (const record of records) {
    try {
      const verdict = settled(partition, record.offset, checker.check(record))
      hasBad ||= verdict.kind === 'bad'
      checked.push({ record, verdict })
    } catch (error) {
      stop = { offset: record.offset, error }
      break
    }
  }
  if (hasBad && sink.keepsBadRecords === false) attachBatches(checked, batches)
  return { records: checked, stop }
}

/** Replaces the bad records among `checked` by records that refer to their batches, where these are known. */
function attachBatches(checked: CheckedRecord[], batches: readonly RecordBatchBytes[]): void {
  let number = 0
  let open: { readonly made: BadBatch; readonly bad: BadRecord[] } | null = null
  for (const [at, { record, verdict }] of checked.entries()) {
    if (verdict.kind !== 'bad') continue
    const { offset } = record
    while ((batches[number]?.last ?? offset) < offset) number++
    const source = record.fault === null ? batches[number] : wholeBatch(record)
    if (source === undefined || source.first > offset) continue
    if (open === null || open.made.first !== source.first) {
      const bad: BadRecord[] = []
      open = { bad, made: badBatch(source, bad, record.fault !== null) }
    }
    open.bad.push(badRecord(offset, verdict))
    checked[at] = { record: bare(record), verdict, batch: open.made }
  }
}

function badBatch(source: RecordBatchBytes, bad: readonly BadRecord[], isWhole: boolean): BadBatch {
  const { first, last, appendTime } = source
  return { first, last, appendTime, bytes: Buffer.from(source.bytes), bad, isWhole }
}

/** The batch that a record with a `fault` stands for; undefined where its value is none. */
function wholeBatch({ offset, appendTime, value }: SourceRecord): RecordBatchBytes | undefined {
  if (value === null || value.length < BATCH_HEADER_BYTES) return undefined
  const last = offset + BigInt(Math.max(0, value.readInt32BE(BATCH_FIELD.lastOffsetDelta)))
  return { first: offset, last, appendTime, bytes: value }
}

export function badRecord(offset: bigint, verdict: Extract<Verdict, { kind: 'bad' }>): BadRecord {
  const { code, reason, schemaId } = verdict
  return { offset, code, reason, schemaId }
}

const NOTHING = Buffer.alloc(0)

function bare({ offset, appendTime }: SourceRecord): SourceRecord {
  return new SourceRecord(offset, appendTime, NOTHING, -1, -1, -1, -1)
}
