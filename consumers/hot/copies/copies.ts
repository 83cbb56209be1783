import type { Clock } from '../../../runtime/clock.ts'
import type { HotStore } from '../clickhouse/store.ts'
import { type EventRow, hashText, payloadOf } from '../insert/event-rows.ts'
import {
  contentKey,
  firstCopies,
  type Place,
  repeatedContents,
  type Surplus,
  slicesOf,
  someSurplus,
  storedIds,
} from './copy-lookup.ts'
import type { CostlyPartitions } from './costly-partitions.ts'
import { EventIds, ID_BYTES, uuidOf } from './event-ids.ts'

/** Rows in one insert into `superseded`. */
const LISTED_AT_ONCE = 10_000
/** With so many stored rows of its ids a look-up takes a second or so, else milliseconds. */
const COSTLY_ROWS = 50_000

/**
 * Finds events that are stored already, and lists their further copies in `superseded` (docs/decisions/hot-once.md).
 */
export interface Copies {
  /**
   * Before an insert: lists every row that has a visible copy with the same content, in the store or earlier among
   * `rows`. Durable when it returns. Readers therefore never see the second copy. Same id with other content: nothing.
   *
   * `apart`: nothing was listed, and the caller delivers the partitions one after the other, costly ones last. Either
   * two of them hold copies of one event, and one may be refused and the other not; or one is costly and others are
   * not.
   *
   * `ids`: of these rows, which nobody else may be inserting.
   */
  listLater(rows: readonly EventRow[], ids: EventIds, signal: AbortSignal): Promise<'listed' | 'apart'>
  /**
   * After an insert, when another process may have inserted copies at the same moment: of each pair of visible
   * copies the one that stands later in (topic id, partition, offset) is listed, whoever runs this.
   */
  settle(rows: readonly EventRow[], signal: AbortSignal): Promise<void>
}

/** What a delivery found: events that are held already, and events with a known id but other content. */
export type CopiesFound = (topic: string, kind: 'superseded' | 'conflicting', events: number) => void

export interface CopiesOptions {
  readonly store: HotStore
  readonly clock: Clock
  /** Learns which they are. */
  readonly costly: CostlyPartitions
  /** Called before an insert, once a topic and kind; again where the insert has to be repeated. */
  readonly onFound?: CopiesFound | undefined
}

export function createCopies({ store, clock, costly, onFound }: CopiesOptions): Copies {
  /** No reader will see them, so that nothing is left to settle. */
  const listed = new WeakSet<EventRow>()
  return {
    listLater: async (rows, ids, signal) => {
      const { ids: stored, rows: held } = await storedIds(store, ids, { rowsAtLeast: 1, signal })
      if (stored.length === 0 && ids.repeated.length === 0) return 'listed'
      const sharing = sharingIds(rows, ids, stored)
      if (held > COSTLY_ROWS) {
        for (const { row, isStored } of sharing) if (isStored) costly.add(row.partition)
        if (rows.some(({ partition }) => !costly.has(partition))) return 'apart'
      }
      const hashes = distinct(sharing.filter((one) => one.isStored).map(({ hash }) => hash))
      const first = await firstCopies(store, stored, hashes, signal)
      const { later, conflicting } = laterCopies(sharing, first)
      if (later.some(({ row, kept }) => kept.inDelivery && !samePartition(placeOf(row), kept))) return 'apart'
      const surplus = later.map(({ row, id, kept }) => ({ ...placeOf(row), id: uuidOf(id), kept }))
      await list(store, surplus, clock, signal)
      const superseded = later.map(({ row }) => row)
      for (const row of superseded) listed.add(row)
      if (onFound !== undefined) report(onFound, superseded, conflicting)
      return 'listed'
    },
    settle: async (rows, signal) => {
      const shown = rows.filter((row) => !listed.has(row))
      const ids = new EventIds(shown)
      const { ids: stored } = await storedIds(store, ids, { rowsAtLeast: 2, signal })
      if (stored.length === 0) return
      const hashes = distinct(sharingIds(shown, ids, stored).map(({ hash }) => hash))
      const repeated = await repeatedContents(store, stored, hashes, signal)
      if (repeated.length > 0) await listSurplus(store, { ids: stored, hashes: repeated }, clock, signal)
    },
  }
}

/**
 * Lists all but the first of the visible copies of each content.
 * @param of ids and hashes, one after the other; hashes null: whatever their contents are
 */
export async function listSurplus(
  store: HotStore,
  of: { readonly ids: Buffer; readonly hashes: Buffer | null },
  clock: Pick<Clock, 'now'>,
  signal?: AbortSignal,
): Promise<void> {
  for (const ids of slicesOf(of.ids)) {
    for (let isMore = true; isMore; ) {
      const { surplus, isAll } = await someSurplus(store, ids, of.hashes, signal)
      await list(store, surplus, clock, signal)
      isMore = !isAll
    }
  }
}

/** Many rows may be listed: a delivery may hold nothing but copies of one event. */
async function list(
  store: HotStore,
  surplus: readonly Surplus[],
  clock: Pick<Clock, 'now'>,
  signal?: AbortSignal,
): Promise<void> {
  const at = clock.now()
  for (let from = 0; from < surplus.length; from += LISTED_AT_ONCE) {
    const rows = surplus.slice(from, from + LISTED_AT_ONCE).map(({ id, kept, ...later }) => ({
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
}

interface Sharing {
  readonly row: EventRow
  /** As `EventIds.key` gives it. */
  readonly id: string
  /** Of the content, a character for each byte. */
  readonly hash: string
  /** The store holds rows with this id. */
  readonly isStored: boolean
}

/** Rows that share their id with one in the store or an earlier one among them, and the earlier ones. */
function sharingIds(rows: readonly EventRow[], ids: EventIds, stored: Buffer): Sharing[] {
  const inStore = new Set<string>()
  for (let at = 0; at < stored.length; at += ID_BYTES)
    inStore.add(stored.toString('latin1', at, at + ID_BYTES))
  const repeated = new Set(ids.repeated.map((row) => ids.key(row)))
  const sharing: Sharing[] = []
  for (const [index, row] of rows.entries()) {
    const id = ids.key(index)
    const isStored = inStore.has(id)
    if (isStored || repeated.has(id)) sharing.push({ row, id, hash: hashText(row, payloadOf(row)), isStored })
  }
  return sharing
}

interface Kept extends Place {
  /** It is to be inserted itself. */
  readonly inDelivery: boolean
}

/**
 * Rows of which another copy stands in the store or earlier among them, and rows with a known id but other content.
 * Each is looked up once, however many share an id: both are a producer's choice.
 */
function laterCopies(sharing: readonly Sharing[], inStore: ReadonlyMap<string, Place>) {
  const first = new Map<string, Kept>()
  for (const [key, place] of inStore) first.set(key, { ...place, inDelivery: false })
  const known = new Set<string>()
  const later: (Sharing & { readonly kept: Kept })[] = []
  const conflicting: EventRow[] = []
  for (const one of sharing) {
    const { row, id, hash } = one
    const key = contentKey(id, hash)
    const place = placeOf(row)
    const kept = first.get(key)
    if (kept === undefined) {
      first.set(key, { ...place, inDelivery: true })
      if (one.isStored || known.has(id)) conflicting.push(row)
    } else if (!samePlace(kept, place)) later.push({ ...one, kept })
    known.add(id)
  }
  return { later, conflicting }
}

function distinct(hashes: readonly string[]): Buffer {
  return Buffer.from([...new Set(hashes)].join(''), 'latin1')
}

function report(
  onFound: CopiesFound,
  superseded: readonly EventRow[],
  conflicting: readonly EventRow[],
): void {
  const tell = (kind: Parameters<CopiesFound>[1], rows: readonly EventRow[]) => {
    const byTopic = Map.groupBy(rows, ({ partition }) => partition.topic)
    for (const [topic, { length }] of byTopic) onFound(topic, kind, length)
  }
  tell('superseded', superseded)
  tell('conflicting', conflicting)
}

function samePartition(a: Place, b: Place): boolean {
  return a.topicId === b.topicId && a.partition === b.partition
}

function samePlace(a: Place, b: Place): boolean {
  return samePartition(a, b) && a.offset === b.offset
}

function placeOf(row: EventRow): Place {
  return { topicId: row.partition.topicId, partition: row.partition.partition, offset: row.record.offset }
}
