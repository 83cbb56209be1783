import { identifier } from '../clickhouse/quote.ts'
import type { HotStore } from '../clickhouse/store.ts'
import { type EventIds, ID_BYTES, uuidOf } from './event-ids.ts'

/** Where a copy of an event stands. */
export interface Place {
  readonly topicId: string
  readonly partition: number
  readonly offset: bigint
}

/** A visible copy that stands behind another one with the same content, `kept`. */
export interface Surplus extends Place {
  /** UUID. */
  readonly id: string
  readonly kept: Place
}

/** Ids in one look-up; the statement holds them as a literal of 22 bytes each. */
const LOOKUP_IDS = 100_000
const SURPLUS_IN_A_QUERY = 10_000
const LOOKUP_SETTINGS = { max_query_size: '67108864', max_threads: 1 } as const

/**
 * So many rows are looked through for each id, before the ids themselves are sent. To fetch a stored id costs a third
 * of sending one; to count the rows of an id that is stored once, a tenth.
 */
const ROWS_PER_ID = { 1: 3, 2: 10 } as const
const LEAST_ROWS = 10_000

/**
 * A producer may use one id any number of times. So many rows of an id are looked at, fewer where there are many ids, so
 * that a look-up ends; an event that is sent again now and then has a few.
 */
const MOST_OF_ONE = 100
const LEAST_OF_ONE = 16
const ROWS_IN_A_QUERY = 200_000

/** As ClickHouse gives a place: topic id, partition, offset. Topic ids are ordered as text, for every worker alike. */
type PlaceTuple = readonly [string, number, string]
const PLACE = 'tuple(toString(t), p, o)'

/**
 * Those of these ids of which the store holds at least so many rows, usually none.
 * UUIDv7 ids rise with time, so the store holds few ids between the least and the greatest of new events; they are
 * fetched and compared here. Where it holds many (ids without time, a delivery with one event much older than the
 * others), it is asked for each. Laid out like `EventIds.bytes`.
 */
export async function storedIds(
  store: HotStore,
  ids: EventIds,
  { rowsAtLeast, signal }: { readonly rowsAtLeast: 1 | 2; readonly signal: AbortSignal },
): Promise<Buffer> {
  if (ids.bytes.length === 0) return ids.bytes
  const events = `${identifier(store.database)}.events`
  const { least, greatest } = ids.bounds()
  const most = Math.max(LEAST_ROWS, (ids.bytes.length / ID_BYTES) * ROWS_PER_ID[rowsAtLeast])
  const between = await countedIds(
    store,
    `SELECT toUInt128(event_id) AS id FROM ${events} WHERE id BETWEEN ${least}::UInt128 AND ${greatest}::UInt128 LIMIT ${most + 1}`,
    { rowsAtLeast, signal },
  )
  if (between.rows <= most) return ids.among(between.ids)
  const found: Buffer[] = []
  for (const slice of slicesOf(ids.bytes)) {
    const held = await countedIds(store, rowsOf(store, slice), { rowsAtLeast, signal })
    found.push(held.ids)
  }
  return Buffer.concat(found)
}

/**
 * Those ids, of what `from` selects as `id UInt128`, that stand there at least so many times, laid out like
 * `EventIds.bytes`; and how many rows it selects.
 */
export async function countedIds(
  store: HotStore,
  from: string,
  { rowsAtLeast, signal }: { readonly rowsAtLeast: 1 | 2; readonly signal?: AbortSignal },
): Promise<{ readonly rows: number; readonly ids: Buffer }> {
  // In hex: joined as they are, ids would lose the zero bytes that they end with (a random id may begin with 00).
  const [answer] = await store.rows<{ held: number; ids: string }>(
    `SELECT toUInt32(sum(n)) AS held, arrayStringConcat(groupArrayIf(hex(reinterpretAsFixedString(id)), n >= ${rowsAtLeast})) AS ids FROM (SELECT id, count() AS n FROM (${from}) GROUP BY id)`,
    { signal, settings: LOOKUP_SETTINGS },
  )
  return { rows: answer?.held ?? 0, ids: Buffer.from(answer?.ids ?? '', 'hex') }
}

/**
 * For which copy each of these contents is to be listed, by `contentKey`: the first that readers see. Of an id that is
 * stored so often that not all its rows are looked at, any copy will do: it is seen, or was listed for one that is. The
 * answer is no larger than what is asked for, and no more work than so many rows for each id.
 * @param ids of the contents, each once
 * @param hashes of 32 bytes each, one after the other, each once
 */
export async function firstCopies(
  store: HotStore,
  ids: Buffer,
  hashes: Buffer,
  signal: AbortSignal,
): Promise<Map<string, Place>> {
  const first = new Map<string, Place>()
  for (const slice of slicesOf(ids)) {
    const seen = await seenRows(store, slice, signal)
    if (seen === null) continue
    const counted = `SELECT id, t, p, o, count() OVER (PARTITION BY id) >= ${seen.mostOfOne} AS isOften FROM seen`
    const copies = copiesOf(store, counted, `h IN (${hashTable(hashes)})`)
    const placed = `SELECT id, h, ${PLACE} AS place, (t, p, o) IN (${hiddenAmong(store)}) AS isHidden, isOften FROM (${copies})`
    const rows = await store.rows<{ key: string; place: PlaceTuple }>(
      `${seen.table} SELECT concat(hex(reinterpretAsFixedString(id)), hex(h)) AS key, if(countIf(NOT isHidden) > 0, minIf(place, NOT isHidden), min(place)) AS place FROM (${placed}) GROUP BY id, h HAVING countIf(NOT isHidden OR isOften) > 0`,
      { signal, settings: LOOKUP_SETTINGS },
    )
    for (const { key, place } of rows) first.set(Buffer.from(key, 'hex').toString('latin1'), placeOf(place))
  }
  return first
}

/** @param id as `EventIds.key` gives it  @param hash 32 characters of a byte each */
export function contentKey(id: string, hash: string): string {
  return id + hash
}

/**
 * Visible copies of these ids that stand behind another visible one with the same content: all, or as many as are
 * handled at once; of an id that is stored very often those among the rows that are looked at.
 * @param ids laid out like `EventIds.bytes`
 * @param hashes only of these contents; null: of all
 */
export async function someSurplus(
  store: HotStore,
  ids: Buffer,
  hashes: Buffer | null,
  signal: AbortSignal | undefined,
): Promise<{ readonly surplus: readonly Surplus[]; readonly isAll: boolean }> {
  const seen = await seenRows(store, ids, signal)
  if (seen === null) return { surplus: [], isAll: true }
  const wanted = hashes === null ? '1' : `h IN (${hashTable(hashes)})`
  const copies = copiesOf(store, 'SELECT * FROM seen', wanted)
  const visible = `SELECT id, h, ${PLACE} AS place FROM (${copies}) WHERE (t, p, o) NOT IN (${hiddenAmong(store)})`
  const placed = `SELECT id, place, min(place) OVER (PARTITION BY id, h) AS kept FROM (${visible})`
  const rows = await store.rows<{ key: string; place: PlaceTuple; kept: PlaceTuple }>(
    `${seen.table} SELECT hex(reinterpretAsFixedString(id)) AS key, place, kept FROM (${placed}) WHERE place != kept LIMIT ${SURPLUS_IN_A_QUERY}`,
    { signal, settings: LOOKUP_SETTINGS },
  )
  const surplus = rows.map(({ key, place, kept }) => ({
    id: uuidOf(Buffer.from(key, 'hex').toString('latin1')),
    ...placeOf(place),
    kept: placeOf(kept),
  }))
  return { surplus, isAll: rows.length < SURPLUS_IN_A_QUERY }
}

export function slicesOf(ids: Buffer): Buffer[] {
  const step = LOOKUP_IDS * ID_BYTES
  return Array.from({ length: Math.ceil(ids.length / step) }, (_, at) =>
    ids.subarray(at * step, (at + 1) * step),
  )
}

interface SeenRows {
  /** The beginning of a statement, in which they stand as the table `seen` (id, t, p, o). */
  readonly table: string
  /** So many of an id at most. */
  readonly mostOfOne: number
}

/**
 * Rows of these ids that stand in the table now; null: none.
 *
 * Whether a row is superseded must be looked up after the row was seen (see `Copies.settle`), but within a statement
 * ClickHouse reads `superseded` first. So the rows are asked for before: those that are seen here were listed, if at
 * all, before the next statement begins.
 */
async function seenRows(
  store: HotStore,
  ids: Buffer,
  signal: AbortSignal | undefined,
): Promise<SeenRows | null> {
  const mostOfOne = Math.max(
    LEAST_OF_ONE,
    Math.min(MOST_OF_ONE, Math.floor((ROWS_IN_A_QUERY * ID_BYTES) / ids.length)),
  )
  const least = `SELECT id, t, p, o FROM (${rowsOf(store, ids)}) ORDER BY id, t, p, o LIMIT ${mostOfOne} BY id`
  const bytes = ['id', 't', 'p', 'o'].map((column) => `reinterpretAsFixedString(${column})`).join(', ')
  const [answer] = await store.rows<{ rows: string }>(
    `SELECT arrayStringConcat(groupArray(hex(concat(${bytes})))) AS rows FROM (${least})`,
    { signal, settings: LOOKUP_SETTINGS },
  )
  const rows = Buffer.from(answer?.rows ?? '', 'hex').toString('base64')
  if (rows === '') return null
  const table = `WITH seen AS (SELECT * FROM format('RowBinary','id UInt128,t UUID,p UInt32,o Int64',base64Decode('${rows}')))`
  return { table, mostOfOne }
}

/** SQL for those of `seen`, as `rows` selects them, with their content hash: ids and hashes stand in two projections. */
function copiesOf(store: HotStore, rows: string, condition: string): string {
  const hashes = `SELECT _topic_id AS t, _partition AS p, _offset AS o, _content_hash AS h FROM ${identifier(store.database)}.events WHERE (t, p, o) IN (SELECT t, p, o FROM seen) AND ${condition}`
  return `SELECT r.*, h FROM (${rows}) AS r INNER JOIN (${hashes}) AS c ON r.t = c.t AND r.p = c.p AND r.o = c.o`
}

function hiddenAmong(store: HotStore): string {
  return `SELECT topic_id, partition, offset FROM ${identifier(store.database)}.superseded WHERE (topic_id, partition, offset) IN (SELECT t, p, o FROM seen)`
}

/** SQL for all rows (id, t, p, o) of these ids. */
function rowsOf(store: HotStore, ids: Buffer): string {
  const table = `SELECT id FROM format('RowBinary','id UInt128',base64Decode('${ids.toString('base64')}'))`
  return `SELECT toUInt128(event_id) AS id, _topic_id AS t, _partition AS p, _offset AS o FROM ${identifier(store.database)}.events WHERE id IN (${table})`
}

function hashTable(hashes: Buffer): string {
  return `SELECT h FROM format('RowBinary','h FixedString(32)',base64Decode('${hashes.toString('base64')}'))`
}

function placeOf([topicId, partition, offset]: PlaceTuple): Place {
  return { topicId, partition, offset: BigInt(offset) }
}
