import type { PartitionRef } from '../../engine/contracts.ts'
import { identifier, quote, quoteAll } from '../clickhouse/quote.ts'
import { MAX_INSERT_ROWS } from '../clickhouse/settings.ts'
import type { HotStore } from '../clickhouse/store.ts'

/** What the last delivery took in was in Kafka shortly before: its topics keep a week. */
const RECENT_DAYS = 8
/** A worker that dies leaves few pairs; more come with the next claim. */
const MAX_IDS = 5_000

interface StoredCopy {
  /** Topic id. */
  readonly t: string
  readonly p: number
  /** Offset. */
  readonly o: string
  readonly id: string
  readonly hash: string
}

/**
 * Looks again at what the last owner of a partition inserted last. It may have died after its insert and before it
 * had looked for copies that another process inserted at the same moment; both would stay visible
 * (docs/decisions/hot-once.md). Lists all but the first visible copy of each content, as `Copies.settle` does.
 */
export async function recheckLastInsert(
  store: HotStore,
  o: { readonly partition: PartitionRef; readonly last: bigint; readonly now: number },
): Promise<void> {
  const ids = await repeatedIds(store, o.partition, o.last)
  if (ids.length === 0) return
  // In this order: see `settle`.
  const copies = await copiesOf(store, ids)
  const hidden = await hiddenOf(store, ids)
  const first = new Map<string, StoredCopy>()
  const rows: Record<string, unknown>[] = []
  for (const copy of copies.toSorted(inOrder)) {
    if (hidden.has(place(copy))) continue
    const content = `${copy.id}/${copy.hash}`
    const kept = first.get(content)
    if (kept === undefined) first.set(content, copy)
    else if (place(kept) !== place(copy)) rows.push(superseded(copy, kept, o.now))
  }
  if (rows.length > 0) await store.append('superseded', rows)
}

function superseded(copy: StoredCopy, kept: StoredCopy, at: number): Record<string, unknown> {
  return {
    ...{ topic_id: copy.t, partition: copy.p, offset: copy.o, event_id: copy.id, at },
    ...{ kept_topic_id: kept.t, kept_partition: kept.p, kept_offset: kept.o },
  }
}

async function repeatedIds(store: HotStore, ref: PartitionRef, last: bigint): Promise<string[]> {
  const events = `${identifier(store.database)}.events`
  const inserted = `SELECT toUInt128(event_id) FROM ${events} WHERE _topic_id = ${quote(ref.topicId)} AND _partition = ${ref.partition} AND _offset > ${last - BigInt(MAX_INSERT_ROWS)} AND _received_at > now() - INTERVAL ${RECENT_DAYS} DAY`
  const rows = await store.rows<{ id: string }>(
    `SELECT event_id::String AS id FROM ${events} WHERE toUInt128(event_id) IN (${inserted}) GROUP BY event_id HAVING count() > 1 LIMIT ${MAX_IDS}`,
    { settings: { max_threads: 1 } },
  )
  return rows.map((row) => row.id)
}

function copiesOf(store: HotStore, ids: readonly string[]): Promise<StoredCopy[]> {
  return store.rows<StoredCopy>(
    `SELECT _topic_id::String AS t, _partition AS p, toString(_offset) AS o, event_id::String AS id, hex(_content_hash) AS hash FROM ${identifier(store.database)}.events WHERE toUInt128(event_id) IN (SELECT toUInt128(toUUID(arrayJoin(${quoteAll(ids)}))))`,
  )
}

async function hiddenOf(store: HotStore, ids: readonly string[]): Promise<Set<string>> {
  const rows = await store.rows<Pick<StoredCopy, 't' | 'p' | 'o'>>(
    `SELECT topic_id::String AS t, partition AS p, toString(offset) AS o FROM ${identifier(store.database)}.superseded WHERE event_id IN (SELECT toUUID(arrayJoin(${quoteAll(ids)})))`,
  )
  return new Set(rows.map(place))
}

function place({ t, p, o }: Pick<StoredCopy, 't' | 'p' | 'o'>): string {
  return `${t}/${p}/${o}`
}

function inOrder(a: StoredCopy, b: StoredCopy): number {
  if (a.t !== b.t) return a.t < b.t ? -1 : 1
  return a.p - b.p || Number(BigInt(a.o) - BigInt(b.o))
}
