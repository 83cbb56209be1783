import type { Clock } from '../../../runtime/clock.ts'
import { LoopTurn } from '../../../runtime/loop-turn.ts'
import { type PartitionRef, partitionKey } from '../../engine/contracts.ts'
import type { HotStore } from '../clickhouse/store.ts'
import { type EventRow, hashText, payloadOf } from '../insert/event-rows.ts'
import type { OwnedPartition } from '../insert/insert-statement.ts'
import { contentKey, firstCopies, type Place, slicesOf, someSurplus, storedIds } from './copy-lookup.ts'
import { EventIds, ID_BYTES } from './event-ids.ts'
import { KnownCopies } from './known-copies.ts'
import { type LaterRow, list, listOwned } from './superseded-list.ts'

/**
 * Finds events that are stored already, and lists their further copies in `superseded` (docs/decisions/hot-once.md).
 */
export interface Copies {
  /**
   * Before an insert: lists every row that has a visible copy with the same content, in the store or earlier among
   * `rows`. Durable when it returns. Readers therefore never see the second copy. Same id with other content: nothing.
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
  ): Promise<Listing>
  /**
   * After an insert, when another process may have inserted copies at the same moment: of each pair of visible
   * copies the one that stands later in (topic id, partition, offset) is listed, whoever runs this.
   */
  settle(rows: readonly EventRow[], signal: AbortSignal): Promise<void>
  /** Whether the last rows of the partition were copies in great part, so that the next ones will take long. */
  areMany(partition: PartitionRef): boolean
}

export type Listing =
  | 'listed'
  /** An owner is not the current one any more. Of rows that were listed none gets into the table then. */
  | 'refused'
  /**
   * Partitions of the rows, as `partitionKey`, that hold copies of one event. Nothing was listed, because one of them
   * may be refused and the other not; the caller delivers these one after the other.
   */
  | { readonly crossing: ReadonlySet<string> }

/** What a delivery found: events that are held already, and events with a known id but other content. */
export type CopiesFound = (topic: string, kind: 'superseded' | 'conflicting', events: number) => void

export interface CopiesOptions {
  readonly store: HotStore
  readonly clock: Clock
  /** Called before an insert, once a topic and kind; again where the insert has to be repeated. */
  readonly onFound?: CopiesFound | undefined
}

/** So many copies of a content in one insert will be followed by more of them. */
const REMEMBERED_FROM = 16
/** So many copies among the rows of a partition take longer to look up than the rows to insert. */
const MANY = 1_000

export function createCopies(options: CopiesOptions): Copies {
  return new StoredCopies(options)
}

class StoredCopies implements Copies {
  readonly #store: HotStore
  readonly #clock: Clock
  readonly #onFound: CopiesFound | undefined
  /** No reader will see them, so that nothing is left to settle. */
  readonly #listed = new WeakSet<EventRow>()
  readonly #known: KnownCopies
  /** Partitions, as `partitionKey`. */
  readonly #withMany = new Set<string>()

  constructor({ store, clock, onFound }: CopiesOptions) {
    this.#store = store
    this.#clock = clock
    this.#onFound = onFound
    this.#known = new KnownCopies(clock)
  }

  async listLater(
    rows: readonly EventRow[],
    ids: EventIds,
    owned: readonly OwnedPartition[],
    signal: AbortSignal,
  ): Promise<Listing> {
    const stored = await this.#storedAmong(rows, ids, signal)
    const sharing = stored.size + ids.repeated.length === 0 ? [] : await sharingIds(rows, ids, stored)
    const { later, conflicting } = await laterCopies(sharing, await this.#firstCopies(sharing, signal))
    const crossing = new Set<string>()
    for (const { row, kept } of later)
      if (kept.inDelivery !== null && !samePartition(kept, placeOf(row)))
        crossing.add(partitionKey(row.partition)).add(partitionKey(kept.inDelivery))
    this.#judge(owned, [...later.map(({ row }) => row), ...conflicting], crossing)
    if (crossing.size > 0) return { crossing }
    if (!(await listOwned(this.#store, later, { owned, at: this.#clock.now(), signal }))) return 'refused'
    for (const { row } of later) this.#listed.add(row)
    this.#remember(later)
    if (this.#onFound !== undefined) report(this.#onFound, later, conflicting)
    return 'listed'
  }

  async settle(rows: readonly EventRow[], signal: AbortSignal): Promise<void> {
    const shown = rows.filter((row) => !this.#listed.has(row))
    const ids = new EventIds(shown)
    const stored = await storedIds(this.#store, ids, { rowsAtLeast: 2, signal })
    if (stored.length === 0) return
    const sharing = await sharingIds(shown, ids, keysOf(stored))
    const hashes = joined(sharing.map(({ content }) => content.hash))
    await listSurplus(this.#store, { ids: stored, hashes }, this.#clock, signal)
  }

  areMany(partition: PartitionRef): boolean {
    return this.#withMany.has(partitionKey(partition))
  }

  /** Ids, as `EventIds.key`, of which the store holds rows. */
  async #storedAmong(rows: readonly EventRow[], ids: EventIds, signal: AbortSignal): Promise<Set<string>> {
    const stored = new Set<string>()
    let asked = ids
    if (!this.#known.isEmpty || ids.repeated.length > 0) {
      const repeated = new Set(ids.repeated)
      const isAsked = (at: number) => {
        if (repeated.has(at)) return false
        const id = ids.key(at)
        if (!this.#known.has(id)) return true
        stored.add(id)
        return false
      }
      asked = new EventIds(rows.filter((_, at) => isAsked(at)))
    }
    for (const id of keysOf(await storedIds(this.#store, asked, { rowsAtLeast: 1, signal }))) stored.add(id)
    return stored
  }

  /** By `contentKey`, of those of which the store holds a copy. */
  async #firstCopies(sharing: readonly Sharing[], signal: AbortSignal): Promise<Map<string, Place>> {
    const first = new Map<string, Place>()
    const asked: Content[] = []
    const turn = new LoopTurn()
    let looked = 0
    for (const content of new Set(sharing.map(({ content }) => content))) {
      if (looked++ % ROWS_A_TURN === 0) await turn.giveWay()
      const place = this.#known.place(content.id, content.key)
      if (place !== undefined) first.set(content.key, place)
      else if (content.isStored) asked.push(content)
    }
    if (asked.length === 0) return first
    const ids = joined(asked.map(({ id }) => id))
    const hashes = joined(asked.map(({ hash }) => hash))
    for (const [key, place] of await firstCopies(this.#store, ids, hashes, signal)) first.set(key, place)
    return first
  }

  /** Notes which of the partitions will take long next time. */
  #judge(owned: readonly OwnedPartition[], copies: readonly EventRow[], crossing: ReadonlySet<string>): void {
    const counts = new Map<PartitionRef, number>()
    for (const { partition } of copies) counts.set(partition, (counts.get(partition) ?? 0) + 1)
    const many = new Set(crossing)
    for (const [partition, count] of counts) if (count >= MANY) many.add(partitionKey(partition))
    for (const { partition } of owned) {
      const key = partitionKey(partition)
      if (many.has(key)) this.#withMany.add(key)
      else this.#withMany.delete(key)
    }
  }

  #remember(later: readonly Later[]): void {
    const byContent = Map.groupBy(
      later.filter(({ kept }) => kept.inDelivery === null),
      ({ content }) => content,
    )
    for (const [content, copies] of byContent) {
      const [first] = copies
      if (first !== undefined && copies.length >= REMEMBERED_FROM)
        this.#known.add(content.id, content.key, first.kept)
    }
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

/** One for all its rows: a flood has a hundred thousand of them. */
interface Content {
  /** As `EventIds.key` gives it. */
  readonly id: string
  /** A character for each byte. */
  readonly hash: string
  /** As `contentKey` gives it. */
  readonly key: string
  /** The store holds rows with this id. */
  readonly isStored: boolean
}

interface Sharing {
  readonly row: EventRow
  readonly content: Content
}

/** Rows that share their id with one in the store or an earlier one among them, and the earlier ones. */
async function sharingIds(
  rows: readonly EventRow[],
  ids: EventIds,
  stored: ReadonlySet<string>,
): Promise<Sharing[]> {
  const turn = new LoopTurn()
  const repeated = new Set(ids.repeated.map((row) => ids.key(row)))
  const contents = new Map<string, Content>()
  const sharing: Sharing[] = []
  for (const [index, row] of rows.entries()) {
    const id = ids.key(index)
    const isStored = stored.has(id)
    if (isStored || repeated.has(id)) {
      const hash = hashText(row, payloadOf(row))
      const key = contentKey(id, hash)
      const content = contents.get(key) ?? { id, hash, key, isStored }
      contents.set(key, content)
      sharing.push({ row, content })
    }
    if (index % ROWS_A_TURN === 0) await turn.giveWay()
  }
  return sharing
}

interface Kept extends Place {
  /** Of the row in the delivery that it is; null: it is stored. */
  readonly inDelivery: PartitionRef | null
}

interface Later extends LaterRow {
  readonly content: Content
  readonly kept: Kept
}

/**
 * Rows of which another copy stands in the store or earlier among them, and rows with a known id but other content.
 * Each is looked up once, however many share an id: both are a producer's choice.
 */
async function laterCopies(sharing: readonly Sharing[], inStore: ReadonlyMap<string, Place>) {
  const turn = new LoopTurn()
  const first = new Map<string, Kept>()
  for (const [key, place] of inStore) first.set(key, { ...place, inDelivery: null })
  const known = new Set<string>()
  const later: Later[] = []
  const conflicting: EventRow[] = []
  for (const [index, { row, content }] of sharing.entries()) {
    if (index % ROWS_A_TURN === 0) await turn.giveWay()
    const { id, key, isStored } = content
    const kept = first.get(key)
    if (kept === undefined) {
      first.set(key, { ...placeOf(row), inDelivery: row.partition })
      if (isStored || known.has(id)) conflicting.push(row)
    } else if (!samePlace(kept, placeOf(row))) later.push({ row, id, content, kept })
    known.add(id)
  }
  return { later, conflicting }
}

/** @param ids laid out like `EventIds.bytes` */
function keysOf(ids: Buffer): Set<string> {
  const keys = new Set<string>()
  for (let at = 0; at < ids.length; at += ID_BYTES) keys.add(ids.toString('latin1', at, at + ID_BYTES))
  return keys
}

/** The bytes of all of them, each once. */
function joined(texts: readonly string[]): Buffer {
  return Buffer.from([...new Set(texts)].join(''), 'latin1')
}

function report(onFound: CopiesFound, later: readonly Later[], conflicting: readonly EventRow[]): void {
  const tell = (kind: Parameters<CopiesFound>[1], rows: readonly EventRow[]) => {
    const byTopic = Map.groupBy(rows, ({ partition }) => partition.topic)
    for (const [topic, { length }] of byTopic) onFound(topic, kind, length)
  }
  tell(
    'superseded',
    later.map(({ row }) => row),
  )
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
