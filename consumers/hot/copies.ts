import type { Clock } from '../../runtime/clock.ts'
import { EventIds, idKey } from './event-ids.ts'
import { type EventRow, hashOf } from './event-rows.ts'
import { identifier, quote } from './quote.ts'
import type { HotStore } from './store.ts'

/** Where a copy of an event stands. */
interface Place {
  readonly topicId: string
  readonly partition: number
  readonly offset: bigint
}

interface Copy extends Place {
  readonly hash: string
}

interface Pair {
  readonly id: string
  readonly later: Place
  readonly kept: Copy
}

/**
 * Finds events that are stored already, and lists their further copies in `superseded` (docs/decisions/hot-once.md).
 */
export interface Copies {
  /**
   * Before an insert: lists every row that has a visible copy with the same content, in the store or earlier among
   * `rows`. Durable when it returns. Readers therefore never see the second copy. Same id with other content: nothing.
   *
   * `crossing`: two partitions of `rows` hold copies of one event. Nothing was listed, because one of the partitions
   * may be refused and the other not; the caller delivers them one after the other.
   */
  listLater(rows: readonly EventRow[], signal: AbortSignal): Promise<'listed' | 'crossing'>
  /**
   * After an insert, when another process may have inserted copies at the same moment: of each pair of visible
   * copies the one that stands later in (topic id, partition, offset) is listed, whoever runs this.
   */
  settle(rows: readonly EventRow[], signal: AbortSignal): Promise<void>
}

/** Ids in one look-up; the statement holds them as a literal of 22 bytes each. */
const LOOKUP_IDS = 100_000
const PLACES_IN_A_QUERY = 20_000

export function createCopies(o: { readonly store: HotStore; readonly clock: Clock }): Copies {
  const { store, clock } = o
  const db = identifier(store.database)

  /** All stored copies of these ids that readers see, by id. Events are read before `superseded`: see `settle`. */
  async function visible(ids: EventIds, signal: AbortSignal): Promise<Map<string, Copy[]>> {
    const found: (Place & { readonly id: string })[] = []
    const step = LOOKUP_IDS * 16
    for (let at = 0; at < ids.bytes.length; at += step) {
      const literal = ids.bytes.toString('base64', at, Math.min(at + step, ids.bytes.length))
      const rows = await store.rows<{ id: string; t: string; p: number; o: string }>(
        `SELECT event_id::String AS id,_topic_id::String AS t,_partition AS p,toString(_offset) AS o FROM ${db}.events WHERE toUInt128(event_id) IN (SELECT id FROM format('RowBinary','id UInt128',base64Decode('${literal}')))`,
        { signal, settings: LOOKUP_SETTINGS },
      )
      for (const row of rows)
        found.push({ id: idKey(row.id), topicId: row.t, partition: row.p, offset: BigInt(row.o) })
    }
    const copies = new Map<string, Copy[]>()
    for (let at = 0; at < found.length; at += PLACES_IN_A_QUERY) {
      const part = found.slice(at, at + PLACES_IN_A_QUERY)
      const hashes = await hashesOf(part, signal)
      const hidden = await hiddenOf(part, signal)
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

  async function hashesOf(places: readonly Place[], signal: AbortSignal): Promise<Map<string, string>> {
    const rows = await store.rows<{ t: string; p: number; o: string; h: string }>(
      `SELECT _topic_id::String AS t,_partition AS p,toString(_offset) AS o,hex(_content_hash) AS h FROM ${db}.events WHERE (_topic_id,_partition,_offset) IN (${placesTable(places)})`,
      { signal, settings: LOOKUP_SETTINGS },
    )
    return new Map(
      rows.map((row) => [placeKey({ topicId: row.t, partition: row.p, offset: BigInt(row.o) }), row.h]),
    )
  }

  async function hiddenOf(places: readonly Place[], signal: AbortSignal): Promise<Set<string>> {
    const rows = await store.rows<{ t: string; p: number; o: string }>(
      `SELECT topic_id::String AS t,partition AS p,toString(offset) AS o FROM ${db}.superseded WHERE (topic_id,partition,offset) IN (${placesTable(places)})`,
      { signal, settings: LOOKUP_SETTINGS },
    )
    return new Set(rows.map((row) => placeKey({ topicId: row.t, partition: row.p, offset: BigInt(row.o) })))
  }

  async function list(pairs: readonly Pair[], signal: AbortSignal): Promise<void> {
    if (pairs.length === 0) return
    const at = clock.now()
    const rows = pairs.map(({ id, later, kept }) => ({
      topic_id: later.topicId,
      partition: later.partition,
      offset: String(later.offset),
      event_id: id,
      kept_topic_id: kept.topicId,
      kept_partition: kept.partition,
      kept_offset: String(kept.offset),
      at,
    }))
    await store.append('superseded', rows, signal)
  }

  return {
    listLater: async (rows, signal) => {
      const ids = new EventIds(rows)
      const seen = await visible(ids, signal)
      if (seen.size === 0 && ids.repeated.length === 0) return 'listed'
      const stored = new Set([...seen.values()].flat())
      const pairs = laterCopies(rows, ids, seen)
      if (pairs.some(({ later, kept }) => !stored.has(kept) && !samePartition(later, kept))) return 'crossing'
      await list(pairs, signal)
      return 'listed'
    },
    settle: async (rows, signal) => {
      const seen = await visible(new EventIds(rows), signal)
      const pairs = [...seen.entries()].flatMap(([key, copies]) => surplus(uuidOf(key), copies))
      await list(pairs, signal)
    },
  }
}

const LOOKUP_SETTINGS = { max_query_size: '67108864', max_threads: 1 } as const

/** Rows with a copy in `seen`, or earlier among the rows themselves. Adds the rows that stay visible to `seen`. */
function laterCopies(rows: readonly EventRow[], ids: EventIds, seen: Map<string, Copy[]>) {
  const interesting = new Set(ids.repeated.map((row) => ids.key(row)))
  for (const key of seen.keys()) interesting.add(key)
  const pairs: Pair[] = []
  for (const [index, row] of rows.entries()) {
    const key = ids.key(index)
    if (!interesting.has(key)) continue
    const copy = { ...placeOf(row), hash: hashOf(row).toString('hex').toUpperCase() }
    const copies = seen.get(key) ?? []
    const kept = copies.find((other) => other.hash === copy.hash)
    if (kept === undefined) seen.set(key, [...copies, copy])
    else if (placeKey(kept) !== placeKey(copy)) pairs.push({ id: uuidOf(key), later: copy, kept })
  }
  return pairs
}

/** Of the copies of one id, all but the first of each content. */
function surplus(id: string, copies: readonly Copy[]) {
  const ordered = copies.toSorted(inOrder)
  const first = new Map<string, Copy>()
  const pairs: Pair[] = []
  for (const copy of ordered) {
    const kept = first.get(copy.hash)
    if (kept === undefined) first.set(copy.hash, copy)
    else if (placeKey(kept) !== placeKey(copy)) pairs.push({ id, later: copy, kept })
  }
  return pairs
}

function inOrder(a: Place, b: Place): number {
  if (a.topicId !== b.topicId) return a.topicId < b.topicId ? -1 : 1
  if (a.partition !== b.partition) return a.partition - b.partition
  return a.offset < b.offset ? -1 : Number(a.offset > b.offset)
}

function samePartition(a: Place, b: Place): boolean {
  return a.topicId === b.topicId && a.partition === b.partition
}

function placeOf(row: EventRow): Place {
  return { topicId: row.partition.topicId, partition: row.partition.partition, offset: row.record.offset }
}

function placeKey(place: Place): string {
  return `${place.topicId}/${place.partition}/${place.offset}`
}

/** A subquery with these places: one literal, where a list of tuples would be a large syntax tree. */
function placesTable(places: readonly Place[]): string {
  const lines = places.map((place) => `${place.topicId}\t${place.partition}\t${place.offset}\n`).join('')
  return `SELECT t, p, o FROM format('TSV', 't UUID, p UInt32, o Int64', ${quote(lines)})`
}

function uuidOf(key: string): string {
  const hex = Buffer.from(key, 'latin1').reverse().toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
