import type {
  CheckedRecord,
  Checker,
  PartitionRef,
  Quarantined,
  RecordBatchBytes,
  SourceRecord,
} from '../../../consumers/engine/contracts.ts'
import { checkAll } from '../../../consumers/engine/intake/check-records.ts'
import type { ClusterView } from '../../../consumers/kafka/client/cluster-view.ts'
import { leaderOf, requireTopic } from '../../../consumers/kafka/client/topic-metadata.ts'
import { fetchOne } from '../../../consumers/kafka/fetch/topic-reader.ts'
import { endOfBatches } from '../../../consumers/kafka/protocol/batch-extents.ts'
import { slices } from '../../../consumers/kafka/protocol/record-batch.ts'
import { BATCH_FIELD, BATCH_PREFIX_BYTES } from '../../../runtime/kafka-wire/batch-header.ts'

/** The log of each partition of a topic, byte for byte as the broker keeps it. */
export async function logsOf(
  view: ClusterView,
  topic: string,
): Promise<{ ref: PartitionRef; log: Buffer }[]> {
  const metadata = await view.metadata([topic])
  const { topicId, partitions } = requireTopic(metadata, topic)
  return Promise.all(
    partitions
      .toSorted((a, b) => a.partition - b.partition)
      .map(async ({ partition }) => {
        const ref = { topic, topicId, partition }
        const parts: Buffer[] = []
        for (let at = 0n; ; ) {
          const { recordBatches } = await fetchOne(view, leaderOf(metadata, ref), ref, at)
          const { next } = endOfBatches(recordBatches)
          if (next === null || next <= at) return { ref, log: Buffer.concat(parts) }
          for (const { bytes } of batchesOf(recordBatches)) parts.push(bytes)
          at = next
        }
      }),
  )
}

export async function logBytes(view: ClusterView, topic: string): Promise<number> {
  const logs = await logsOf(view, topic)
  return logs.reduce((sum, { log }) => sum + log.length, 0)
}

export function batchesOf(log: Buffer): RecordBatchBytes[] {
  const batches: RecordBatchBytes[] = []
  for (let at = 0; at + BATCH_PREFIX_BYTES <= log.length; ) {
    const end = at + BATCH_PREFIX_BYTES + log.readInt32BE(at + BATCH_FIELD.length)
    if (end > log.length) break
    const first = log.readBigInt64BE(at)
    const last = first + BigInt(log.readInt32BE(at + BATCH_FIELD.lastOffsetDelta))
    const appendTime = Number(log.readBigInt64BE(at + BATCH_FIELD.maxTimestamp))
    batches.push({ first, last, appendTime, bytes: log.subarray(at, end) })
    at = end
  }
  return batches
}

/** What a worker without place for bad records makes of a log. */
export function takenIn(
  { topic, partition }: PartitionRef,
  log: Buffer,
  checker: Pick<Checker, 'check'>,
  maxBatchBytes = 64 * 1024 * 1024,
): readonly CheckedRecord[] {
  const records: SourceRecord[] = []
  const limits = { maxBatchBytes, maxSliceBytes: Number.POSITIVE_INFINITY }
  for (const slice of slices({ topic, partition, recordBatches: log, from: 0n, aborted: [], ...limits }))
    records.push(...slice.records)
  return checkAll({
    partition: { topic, topicId: '', partition },
    records,
    batches: batchesOf(log),
    checker,
    sink: { keepsBadRecords: false },
  }).records
}

/** Each batch of bad records once. */
export function quarantinedOf(checked: readonly CheckedRecord[]): Quarantined[] {
  const batches = new Set(checked.flatMap(({ batch }) => batch ?? []))
  return [...batches].map((batch) => ({ kind: 'batch', batch }))
}
