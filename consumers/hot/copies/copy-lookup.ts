import { identifier, quote } from '../clickhouse/quote.ts'
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

interface CountedIds {
  readonly rows: number
  /** Laid out like `EventIds.bytes`. */
  readonly ids: Buffer
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

/** As ClickHouse gives a place: topic id, partition, offset. Topic ids are ordered as text, for every worker alike. */
type PlaceTuple = readonly [string, number, string]
const PLACE = 'tuple(toString(t), p, o)'

/**
 * Those of these ids of which the store holds at least so many rows, usually none.
 * UUIDv7 ids rise with time, so the store holds few ids between the least and the greatest of new events; they are
 * fetched and compared here. Where it holds many (ids without time, a delivery with one event much older than the
 * others), it is asked for each; `rows` is then how many rows of them it holds.
 */
export async function storedIds(
  store: HotStore,
  ids: EventIds,
  { rowsAtLeast, signal }: { readonly rowsAtLeast: 1 | 2; readonly signal: AbortSignal },
): Promise<CountedIds> {
  if (ids.bytes.length === 0) return { rows: 0, ids: ids.bytes }
  const events = `${identifier(store.database)}.events`
  const { least, greatest } = ids.bounds()
  const most = Math.max(LEAST_ROWS, (ids.bytes.length / ID_BYTES) * ROWS_PER_ID[rowsAtLeast])
  const between = await countedIds(
    store,
    `SELECT toUInt128(event_id) AS id FROM ${events} WHERE id BETWEEN ${least}::UInt128 AND ${greatest}::UInt128 LIMIT ${most + 1}`,
    { rowsAtLeast, signal },
  )
  if (between.rows <= most) {
    const among = ids.among(between.ids)
    return { rows: among.length / ID_BYTES, ids: among }
  }
  const found: CountedIds[] = []
  for (const slice of slicesOf(ids.bytes)) {
    found.push(await countedIds(store, rowsOf(store, idTable(slice)), { rowsAtLeast, signal }))
  }
  const rows = found.reduce((sum, held) => sum + held.rows, 0)
  return { rows, ids: Buffer.concat(found.map((held) => held.ids)) }
}

/**
 * Those ids, of what `from` selects as `id UInt128`, that stand there at least so many times; and how many rows it
 * selects.
 */
export async function countedIds(
  store: HotStore,
  from: string,
  { rowsAtLeast, signal }: { readonly rowsAtLeast: 1 | 2; readonly signal?: AbortSignal },
): Promise<CountedIds> {
  // In hex: joined as they are, ids would lose the zero bytes that they end with (a random id may begin with 00).
  const [answer] = await store.rows<{ held: number; ids: string }>(
    `SELECT toUInt32(sum(n)) AS held, arrayStringConcat(groupArrayIf(hex(reinterpretAsFixedString(id)), n >= ${rowsAtLeast})) AS ids FROM (SELECT id, count() AS n FROM (${from}) GROUP BY id)`,
    { signal, settings: LOOKUP_SETTINGS },
  )
  return { rows: answer?.held ?? 0, ids: Buffer.from(answer?.ids ?? '', 'hex') }
}

/**
 * The first stored copy of each of these contents, seen by readers or not, by `contentKey`. However many copies of
 * these ids the store holds, the answer is no larger than what is asked for.
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
    const copies = copiesOf(store, rowsOf(store, idTable(slice)), isOneOf(hashes))
    const rows = await store.rows<{ key: string; place: PlaceTuple }>(
      `SELECT concat(hex(reinterpretAsFixedString(id)), hex(h)) AS key, min(${PLACE}) AS place FROM (${copies}) GROUP BY id, h`,
      { signal, settings: LOOKUP_SETTINGS },
    )
    for (const { key, place } of rows) first.set(Buffer.from(key, 'hex').toString('latin1'), placeOf(place))
  }
  return first
}

/** Those of these contents of which the store holds several copies, seen or not; laid out like `hashes`. */
export async function repeatedContents(
  store: HotStore,
  ids: Buffer,
  hashes: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  const found: Buffer[] = []
  for (const slice of slicesOf(ids)) {
    const copies = copiesOf(store, rowsOf(store, idTable(slice)), isOneOf(hashes))
    const [answer] = await store.rows<{ hashes: string }>(
      `SELECT arrayStringConcat(groupArray(hex(h))) AS hashes FROM (SELECT h FROM (${copies}) GROUP BY id, h HAVING count() > 1)`,
      { signal, settings: LOOKUP_SETTINGS },
    )
    found.push(Buffer.from(answer?.hashes ?? '', 'hex'))
  }
  return Buffer.concat(found)
}

/** @param id as `EventIds.key` gives it  @param hash 32 characters of a byte each */
export function contentKey(id: string, hash: string): string {
  return id + hash
}

/**
 * Visible copies of these ids that stand behind another visible one with the same content: all, or as many as are
 * handled at once.
 *
 * Whether a row is superseded must be looked up after the row was seen (see `Copies.settle`), but within a statement
 * ClickHouse reads `superseded` first. So rows are asked for twice: they get into a partition in the order of their
 * offsets, and those up to the greatest one seen before were listed, if at all, before the second statement begins.
 * @param ids laid out like `EventIds.bytes`
 * @param hashes only of these contents; null: of all
 */
export async function someSurplus(
  store: HotStore,
  ids: Buffer,
  hashes: Buffer | null,
  signal: AbortSignal | undefined,
): Promise<{ readonly surplus: readonly Surplus[]; readonly isAll: boolean }> {
  const all = rowsOf(store, idTable(ids))
  const ends = await store.rows<{ t: string; p: number; last: string }>(
    `SELECT toString(t) AS t, p, toString(max(o)) AS last FROM (${all}) GROUP BY t, p`,
    { signal, settings: LOOKUP_SETTINGS },
  )
  if (ends.length === 0) return { surplus: [], isAll: true }
  const seen = `SELECT id, t, p, o FROM (${all}) AS r INNER JOIN (${endTable(ends)}) AS e ON r.t = e.t AND r.p = e.p WHERE r.o <= e.last`
  const hidden = `SELECT topic_id, partition, offset FROM ${identifier(store.database)}.superseded WHERE (topic_id, partition, offset) IN (SELECT t, p, o FROM (${seen}))`
  const visible = copiesOf(
    store,
    seen,
    `(t, p, o) NOT IN (${hidden})${hashes === null ? '' : ` AND ${isOneOf(hashes)}`}`,
  )
  const placed = `SELECT id, ${PLACE} AS place, min(place) OVER (PARTITION BY id, h) AS kept FROM (${visible})`
  const rows = await store.rows<{ key: string; place: PlaceTuple; kept: PlaceTuple }>(
    `SELECT hex(reinterpretAsFixedString(id)) AS key, place, kept FROM (${placed}) WHERE place != kept LIMIT ${SURPLUS_IN_A_QUERY}`,
    { signal, settings: LOOKUP_SETTINGS },
  )
  const surplus = rows.map(({ key, place, kept }) => ({
    id: uuidOf(Buffer.from(key, 'hex').toString('latin1')),
    ...placeOf(place),
    kept: placeOf(kept),
  }))
  return { surplus, isAll: rows.length < SURPLUS_IN_A_QUERY }
}

function idTable(ids: Buffer): string {
  return `SELECT id FROM format('RowBinary','id UInt128',base64Decode('${ids.toString('base64')}'))`
}

export function slicesOf(ids: Buffer): Buffer[] {
  const step = LOOKUP_IDS * ID_BYTES
  return Array.from({ length: Math.ceil(ids.length / step) }, (_, at) =>
    ids.subarray(at * step, (at + 1) * step),
  )
}

/** SQL for rows with their content hash: ids and hashes stand in two projections of the table. */
function copiesOf(store: HotStore, rows: string, condition: string): string {
  const hashes = `SELECT _topic_id AS t, _partition AS p, _offset AS o, _content_hash AS h FROM ${identifier(store.database)}.events WHERE (t, p, o) IN (SELECT t, p, o FROM (${rows})) AND ${condition}`
  return `SELECT id, t, p, o, h FROM (${rows}) AS r INNER JOIN (${hashes}) AS c ON r.t = c.t AND r.p = c.p AND r.o = c.o`
}

function isOneOf(hashes: Buffer): string {
  return `h IN (SELECT h FROM format('RowBinary','h FixedString(32)',base64Decode('${hashes.toString('base64')}')))`
}

function endTable(
  ends: readonly { readonly t: string; readonly p: number; readonly last: string }[],
): string {
  const lines = ends.map(({ t, p, last }) => `${t}\t${p}\t${last}\n`).join('')
  return `SELECT t, p, last FROM format('TSV','t UUID,p UInt32,last Int64',${quote(lines)})`
}

/** SQL for the rows (id, t, p, o) of these ids. */
function rowsOf(store: HotStore, ids: string): string {
  return `SELECT toUInt128(event_id) AS id, _topic_id AS t, _partition AS p, _offset AS o FROM ${identifier(store.database)}.events WHERE id IN (${ids})`
}

function placeOf([topicId, partition, offset]: PlaceTuple): Place {
  return { topicId, partition, offset: BigInt(offset) }
}
