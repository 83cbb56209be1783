import type { Clock } from '../../../runtime/clock.ts'
import { LoopTurn } from '../../../runtime/loop-turn.ts'
import type { HotStore } from '../clickhouse/store.ts'
import { type EventRow, hashText, payloadOf } from '../insert/event-rows.ts'
import type { OwnedPartition } from '../insert/insert-statement.ts'
import { contentKey, firstCopies, type Place, slicesOf, someSurplus, storedIds } from './copy-lookup.ts'
import { EventIds, ID_BYTES } from './event-ids.ts'
import { type LaterRow, list, listOwned } from './superseded-list.ts'

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
   *
   * `refused`: an owner is not the current one any more. Of rows that were listed none gets into the table then.
   *
   * `owned`: the partitions of the rows. A worker that stood still must not hide what its successor has made visible.
   *
   * `ids`: of these rows, which nobody else may be inserting.
   */
  listLater(
    rows: readonly EventRow[],
    ids: EventIds,
    owned: readonly OwnedPartition[],
    signal: AbortSignal,
  ): Promise<'listed' | 'crossing' | 'refused'>
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
  /** Called before an insert, once a topic and kind; again where the insert has to be repeated. */
  readonly onFound?: CopiesFound | undefined
}

export function createCopies({ store, clock, onFound }: CopiesOptions): Copies {
  /** No reader will see them, so that nothing is left to settle. */
  const listed = new WeakSet<EventRow>()
  return {
    listLater: async (rows, ids, owned, signal) => {
      const stored = await storedIds(store, ids, { rowsAtLeast: 1, signal })
      if (stored.length === 0 && ids.repeated.length === 0) return 'listed'
      const sharing = await sharingIds(rows, ids, stored)
      const hashes = distinct(sharing.filter((one) => one.isStored).map(({ hash }) => hash))
      const first = await firstCopies(store, stored, hashes, signal)
      const { later, conflicting } = laterCopies(sharing, first)
      if (later.some(({ row, kept }) => kept.inDelivery && !samePartition(placeOf(row), kept)))
        return 'crossing'
      if (!(await listOwned(store, later, { owned, at: clock.now(), signal }))) return 'refused'
      const superseded = later.map(({ row }) => row)
      for (const row of superseded) listed.add(row)
      if (onFound !== undefined) report(onFound, superseded, conflicting)
      return 'listed'
    },
    settle: async (rows, signal) => {
      const shown = rows.filter((row) => !listed.has(row))
      const ids = new EventIds(shown)
      const stored = await storedIds(store, ids, { rowsAtLeast: 2, signal })
      if (stored.length === 0) return
      const sharing = await sharingIds(shown, ids, stored)
      const hashes = distinct(sharing.map(({ hash }) => hash))
      await listSurplus(store, { ids: stored, hashes }, clock, signal)
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
      await list(store, surplus, { at: clock.now(), signal })
      isMore = !isAll
    }
  }
}

/** A hundred thousand hashes take the better part of a second. */
const ROWS_A_TURN = 1_000

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
async function sharingIds(rows: readonly EventRow[], ids: EventIds, stored: Buffer): Promise<Sharing[]> {
  const turn = new LoopTurn()
  const inStore = new Set<string>()
  for (let at = 0; at < stored.length; at += ID_BYTES)
    inStore.add(stored.toString('latin1', at, at + ID_BYTES))
  const repeated = new Set(ids.repeated.map((row) => ids.key(row)))
  const sharing: Sharing[] = []
  for (const [index, row] of rows.entries()) {
    const id = ids.key(index)
    const isStored = inStore.has(id)
    if (isStored || repeated.has(id)) sharing.push({ row, id, hash: hashText(row, payloadOf(row)), isStored })
    if (index % ROWS_A_TURN === 0) await turn.giveWay()
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
  const later: (LaterRow & { readonly kept: Kept })[] = []
  const conflicting: EventRow[] = []
  for (const one of sharing) {
    const { row, id, hash } = one
    const key = contentKey(id, hash)
    const place = placeOf(row)
    const kept = first.get(key)
    if (kept === undefined) {
      first.set(key, { ...place, inDelivery: true })
      if (one.isStored || known.has(id)) conflicting.push(row)
    } else if (!samePlace(kept, place)) later.push({ row, id, kept })
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
