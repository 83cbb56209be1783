import type { Clock } from '../../../runtime/clock.ts'
import type { HotStore } from '../clickhouse/store.ts'
import { type EventRow, hashOf } from '../insert/event-rows.ts'
import { type Copy, type Place, placeKey, visibleCopies } from './copy-lookup.ts'
import { EventIds } from './event-ids.ts'

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
   *
   * `ids`: of these rows, which nobody else may be inserting.
   */
  listLater(rows: readonly EventRow[], ids: EventIds, signal: AbortSignal): Promise<'listed' | 'crossing'>
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

export function createCopies(o: CopiesOptions): Copies {
  const { store, clock } = o

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
    listLater: async (rows, ids, signal) => {
      const seen = await visibleCopies(store, ids, { rowsAtLeast: 1, signal })
      if (seen.size === 0 && ids.repeated.length === 0) return 'listed'
      const stored = new Set([...seen.values()].flat())
      const { pairs, conflicts } = laterCopies(rows, ids, seen)
      if (pairs.some(({ later, kept }) => !stored.has(kept) && !samePartition(later, kept))) return 'crossing'
      await list(pairs, signal)
      if (o.onFound !== undefined)
        report(
          o.onFound,
          pairs.map(({ row }) => row),
          conflicts,
        )
      return 'listed'
    },
    settle: async (rows, signal) => {
      const seen = await visibleCopies(store, new EventIds(rows), { rowsAtLeast: 2, signal })
      const pairs = [...seen.entries()].flatMap(([key, copies]) => surplus(uuidOf(key), copies))
      await list(pairs, signal)
    },
  }
}

/**
 * Rows with a copy in `seen`, or earlier among the rows themselves, and rows with a known id but other content. Adds
 * the rows that stay visible to `seen`.
 */
function laterCopies(rows: readonly EventRow[], ids: EventIds, seen: Map<string, Copy[]>) {
  const interesting = new Set(ids.repeated.map((row) => ids.key(row)))
  for (const key of seen.keys()) interesting.add(key)
  const pairs: (Pair & { readonly row: EventRow })[] = []
  const conflicts: EventRow[] = []
  for (const [index, row] of rows.entries()) {
    const key = ids.key(index)
    if (!interesting.has(key)) continue
    const copy = { ...placeOf(row), hash: hashOf(row).toString('hex').toUpperCase() }
    const copies = seen.get(key) ?? []
    const kept = copies.find((other) => other.hash === copy.hash)
    if (kept === undefined) seen.set(key, [...copies, copy])
    else if (placeKey(kept) !== placeKey(copy)) pairs.push({ id: uuidOf(key), later: copy, kept, row })
    if (kept === undefined && copies.length > 0) conflicts.push(row)
  }
  return { pairs, conflicts }
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

function uuidOf(key: string): string {
  const hex = Buffer.from(key, 'latin1').reverse().toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
