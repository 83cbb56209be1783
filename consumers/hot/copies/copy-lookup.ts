import { identifier, quote } from '../clickhouse/quote.ts'
import type { HotStore } from '../clickhouse/store.ts'
import { type EventIds, ID_BYTES, idKey } from './event-ids.ts'

/** Where a copy of an event stands. */
export interface Place {
  readonly topicId: string
  readonly partition: number
  readonly offset: bigint
}

export interface Copy extends Place {
  readonly hash: string
}

/** Ids in one look-up; the statement holds them as a literal of 22 bytes each. */
const LOOKUP_IDS = 100_000
const PLACES_IN_A_QUERY = 20_000
const LOOKUP_SETTINGS = { max_query_size: '67108864', max_threads: 1 } as const

/**
 * So many rows are looked through for each id, before the ids themselves are sent. To fetch a stored id costs a third
 * of sending one; to count the rows of an id that is stored once, a tenth.
 */
const ROWS_PER_ID = { 1: 3, 2: 10 } as const
const LEAST_ROWS = 10_000

/**
 * All stored copies of these ids that readers see, by id; none of an id with fewer than `rowsAtLeast` stored rows.
 * Events are read before `superseded`: see `settle`.
 */
export async function visibleCopies(
  store: HotStore,
  ids: EventIds,
  { rowsAtLeast, signal }: { readonly rowsAtLeast: 1 | 2; readonly signal: AbortSignal },
): Promise<Map<string, Copy[]>> {
  const found: (Place & { readonly id: string })[] = []
  const sought = await possiblyStored(store, ids, rowsAtLeast, signal)
  const step = LOOKUP_IDS * ID_BYTES
  for (let at = 0; at < sought.length; at += step) {
    const literal = sought.toString('base64', at, Math.min(at + step, sought.length))
    const rows = await store.rows<{ id: string; t: string; p: number; o: string }>(
      `SELECT event_id::String AS id,_topic_id::String AS t,_partition AS p,toString(_offset) AS o FROM ${identifier(store.database)}.events WHERE toUInt128(event_id) IN (SELECT id FROM format('RowBinary','id UInt128',base64Decode('${literal}')))`,
      { signal, settings: LOOKUP_SETTINGS },
    )
    for (const row of rows)
      found.push({ id: idKey(row.id), topicId: row.t, partition: row.p, offset: BigInt(row.o) })
  }
  const copies = new Map<string, Copy[]>()
  for (let at = 0; at < found.length; at += PLACES_IN_A_QUERY) {
    const part = found.slice(at, at + PLACES_IN_A_QUERY)
    const hashes = await hashesOf(store, part, signal)
    const hidden = await hiddenOf(store, part, signal)
    for (const place of part) {
      const hash = hashes.get(placeKey(place))
      if (hash === undefined || hidden.has(placeKey(place))) continue
      const list = copies.get(place.id)
      if (list === undefined) copies.set(place.id, [{ ...place, hash }])
      else list.push({ ...place, hash })
    }
  }
  return copies
}

/**
 * Those of the ids of which the store may hold so many rows, usually none. UUIDv7 ids rise with time, so the store
 * holds few ids between the least and the greatest of new events; they are fetched and compared here. Where it holds
 * many (ids without time, a delivery with one event much older than the others), all are possible.
 */
async function possiblyStored(
  store: HotStore,
  ids: EventIds,
  rowsAtLeast: 1 | 2,
  signal: AbortSignal,
): Promise<Buffer> {
  if (ids.bytes.length === 0) return ids.bytes
  const { least, greatest } = ids.bounds()
  const most = Math.max(LEAST_ROWS, (ids.bytes.length / ID_BYTES) * ROWS_PER_ID[rowsAtLeast])
  const between = `SELECT toUInt128(event_id) AS id FROM ${identifier(store.database)}.events WHERE id BETWEEN ${least}::UInt128 AND ${greatest}::UInt128 LIMIT ${most + 1}`
  const counted = `SELECT id, count() AS n FROM (${between}) GROUP BY id`
  // In hex: joined as they are, ids would lose the zero bytes that they end with (a random id may begin with 00).
  const [answer] = await store.rows<{ held: number; ids: string }>(
    `SELECT toUInt32(sum(n)) AS held, arrayStringConcat(groupArrayIf(hex(reinterpretAsFixedString(id)), n >= ${rowsAtLeast})) AS ids FROM (${counted})`,
    { signal, settings: LOOKUP_SETTINGS },
  )
  if (answer === undefined || answer.held > most) return ids.bytes
  return ids.among(Buffer.from(answer.ids, 'hex'))
}

async function hashesOf(
  store: HotStore,
  places: readonly Place[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const rows = await store.rows<{ t: string; p: number; o: string; h: string }>(
    `SELECT _topic_id::String AS t,_partition AS p,toString(_offset) AS o,hex(_content_hash) AS h FROM ${identifier(store.database)}.events WHERE (_topic_id,_partition,_offset) IN (${placesTable(places)})`,
    { signal, settings: LOOKUP_SETTINGS },
  )
  return new Map(
    rows.map((row) => [placeKey({ topicId: row.t, partition: row.p, offset: BigInt(row.o) }), row.h]),
  )
}

async function hiddenOf(
  store: HotStore,
  places: readonly Place[],
  signal: AbortSignal,
): Promise<Set<string>> {
  const rows = await store.rows<{ t: string; p: number; o: string }>(
    `SELECT topic_id::String AS t,partition AS p,toString(offset) AS o FROM ${identifier(store.database)}.superseded WHERE (topic_id,partition,offset) IN (${placesTable(places)})`,
    { signal, settings: LOOKUP_SETTINGS },
  )
  return new Set(rows.map((row) => placeKey({ topicId: row.t, partition: row.p, offset: BigInt(row.o) })))
}

export function placeKey(place: Place): string {
  return `${place.topicId}/${place.partition}/${place.offset}`
}

/** A subquery with these places: one literal, where a list of tuples would be a large syntax tree. */
function placesTable(places: readonly Place[]): string {
  const lines = places.map((place) => `${place.topicId}\t${place.partition}\t${place.offset}\n`).join('')
  return `SELECT t, p, o FROM format('TSV', 't UUID, p UInt32, o Int64', ${quote(lines)})`
}
