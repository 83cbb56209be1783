import { randomUUID } from 'node:crypto'
import { partitionKey } from '../../engine/contracts.ts'
import { faultKind } from '../clickhouse/fault.ts'
import { identifier, quote } from '../clickhouse/quote.ts'
import type { HotStore } from '../clickhouse/store.ts'
import type { EventRow } from '../insert/event-rows.ts'
import { fenceCheck, MAX_INSERT_RANGES, type OwnedPartition } from '../insert/insert-statement.ts'
import { insertComment } from '../ownership/running-inserts.ts'
import type { Place, Surplus } from './copy-lookup.ts'
import { uuidOf } from './event-ids.ts'

/** Many rows may be listed: a delivery may hold nothing but copies of one event. */
const LISTED_AT_ONCE = 30_000
const COLUMNS = [
  ['topic_id', 'UUID'],
  ['partition', 'UInt32'],
  ['offset', 'Int64'],
  ['event_id', 'UUID'],
  ['kept_topic_id', 'UUID'],
  ['kept_partition', 'UInt32'],
  ['kept_offset', 'Int64'],
  ['at', "DateTime64(3, 'UTC')"],
] as const

interface ListOptions {
  /** Milliseconds since the Unix epoch. */
  readonly at: number
  readonly signal?: AbortSignal | undefined
}

/** Lists positions whose rows are stored. Durable when it returns. */
export async function list(store: HotStore, surplus: readonly Surplus[], o: ListOptions): Promise<void> {
  for (let from = 0; from < surplus.length; from += LISTED_AT_ONCE) {
    const rows = surplus.slice(from, from + LISTED_AT_ONCE).map((one) => rowOf(one, o.at))
    await store.append('superseded', rows, o.signal)
  }
}

/** A row that is about to be written, and the copy that is seen in its place. */
export interface LaterRow {
  readonly row: EventRow
  /** As `EventIds.key` gives it. */
  readonly id: string
  readonly kept: Place
}

interface OwnedOptions extends ListOptions {
  readonly owned: readonly OwnedPartition[]
  readonly signal: AbortSignal
}

/**
 * Lists positions that are about to be written, under the fence like their events: a worker that stood still would
 * else hide what its successor wrote there visibly, for the sake of a copy that was hidden for the sake of that.
 * @returns false where an owner is not the current one any more
 */
export async function listOwned(
  store: HotStore,
  later: readonly LaterRow[],
  o: OwnedOptions,
): Promise<boolean> {
  const byPartition = Map.groupBy(later, ({ row }) => partitionKey(row.partition))
  const concerned = o.owned.filter(({ partition }) => byPartition.has(partitionKey(partition)))
  for (let from = 0; from < concerned.length; from += MAX_INSERT_RANGES) {
    const owned = concerned.slice(from, from + MAX_INSERT_RANGES)
    const rows = owned.flatMap(({ partition }) => byPartition.get(partitionKey(partition)) ?? [])
    for (let at = 0; at < rows.length; at += LISTED_AT_ONCE)
      if (!(await insertOwned(store, rows.slice(at, at + LISTED_AT_ONCE), { ...o, owned }))) return false
  }
  return true
}

async function insertOwned(store: HotStore, later: readonly LaterRow[], o: OwnedOptions): Promise<boolean> {
  const names = COLUMNS.map(([name]) => name).join(',')
  const structure = COLUMNS.map(([name, type]) => `${name} ${type}`).join(', ')
  const lines = later.map(({ row, id, kept }) => {
    const { topicId, partition } = row.partition
    const place = { topicId, partition, offset: row.record.offset }
    return `${JSON.stringify(rowOf({ ...place, id: uuidOf(id), kept }, o.at))}\n`
  })
  try {
    await store.insert({
      sql: `INSERT INTO ${identifier(store.database)}.superseded (${names}) SELECT ${names} FROM input(${quote(structure)}) WHERE ${fenceCheck(store.database, o.owned)} FORMAT JSONEachRow`,
      body: once(Buffer.from(lines.join(''))),
      queryId: `daybook-hot-${randomUUID()}`,
      comment: insertComment(store.database, o.owned),
      signal: o.signal,
    })
    return true
  } catch (error) {
    if (faultKind(error) === 'refused') return false
    throw error
  }
}

function rowOf({ id, kept, ...later }: Surplus, at: number): Record<string, unknown> {
  return {
    topic_id: later.topicId,
    partition: later.partition,
    offset: String(later.offset),
    event_id: id,
    kept_topic_id: kept.topicId,
    kept_partition: kept.partition,
    kept_offset: String(kept.offset),
    at,
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes
}
