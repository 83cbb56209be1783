import type { PartitionRef, Tip } from '../../engine/contracts.ts'
import { identifier, quote } from '../clickhouse/quote.ts'
import type { HotStore } from '../clickhouse/store.ts'

/**
 * What the store holds of a partition.
 *
 * The base is the greatest offset of an event, or of a tip recorded in the fence (whose events may have expired).
 * Gaps count only as far as they join the base without a hole. They are written before the events between them; a
 * crash in between leaves a gap behind offsets that are not stored.
 *
 * `recorded`: a tip that the fence holds; it bounds the search. Call when no insert of the partition can run.
 */
export async function readTip(
  store: HotStore,
  partition: PartitionRef,
  recorded: bigint,
  signal?: AbortSignal,
): Promise<Tip> {
  const held = await lastEvent(store, partition, recorded, signal)
  const base = held !== null && held.offset > recorded ? held.offset : recorded
  const [last, acceptedLossThrough] = await Promise.all([
    joinGaps(store, partition, base, signal),
    acceptedLoss(store, partition, signal),
  ])
  return {
    last: last < 0n ? null : last,
    lastRecord: held === null ? null : { ...held, kind: 'event' },
    acceptedLossThrough,
  }
}

async function lastEvent(
  store: HotStore,
  partition: PartitionRef,
  recorded: bigint,
  signal?: AbortSignal,
): Promise<{ offset: bigint; hash: Buffer } | null> {
  const events = `${identifier(store.database)}.events`
  const here = `_topic_id = ${quote(partition.topicId)} AND _partition = ${partition.partition}`
  // First at and above the recorded tip, which is few granules; below it only when nothing is there.
  for (const bound of recorded < 0n ? [''] : [` AND _offset >= ${recorded}`, '']) {
    const [row] = await store.rows<{ o: string; n: string }>(
      `SELECT toString(max(_offset)) AS o, toString(count()) AS n FROM ${events} WHERE ${here}${bound}`,
      { batch: 'last offset', signal },
    )
    if (row === undefined || row.n === '0') continue
    const [record] = await store.rows<{ h: string }>(
      `SELECT hex(_content_hash) AS h FROM ${events} WHERE ${here} AND _offset = ${row.o} LIMIT 1`,
      { batch: 'hash', signal },
    )
    if (record !== undefined) return { offset: BigInt(row.o), hash: Buffer.from(record.h, 'hex') }
  }
  return null
}

async function joinGaps(
  store: HotStore,
  ref: PartitionRef,
  base: bigint,
  signal?: AbortSignal,
): Promise<bigint> {
  const rows = await store.rows<{ f: string; l: string }>(
    `SELECT toString(first) AS f, toString(last) AS l FROM ${identifier(store.database)}.gaps WHERE topic_id = ${quote(ref.topicId)} AND partition = ${ref.partition} AND last > ${base}`,
    { batch: 'gaps', signal },
  )
  const gaps = rows.map((row) => ({ first: BigInt(row.f), last: BigInt(row.l) }))
  let tip = base
  for (const { first, last } of gaps.toSorted((a, b) => Number(a.first - b.first))) {
    if (first > tip + 1n) break
    if (last > tip) tip = last
  }
  return tip
}

async function acceptedLoss(
  store: HotStore,
  ref: PartitionRef,
  signal?: AbortSignal,
): Promise<bigint | null> {
  const [row] = await store.rows<{ t: string; n: string }>(
    `SELECT toString(max(through)) AS t, toString(count()) AS n FROM ${identifier(store.database)}.accepted_losses WHERE topic_id = ${quote(ref.topicId)} AND partition = ${ref.partition}`,
    { batch: 'accepted loss', signal },
  )
  return row === undefined || row.n === '0' ? null : BigInt(row.t)
}
