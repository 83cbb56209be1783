import type { ArchiveHeader } from '../schemas/archive/header.ts'
import type { ReadObject } from '../schemas/archive/object.ts'
import { DaybookError } from '../schemas/errors.ts'
import { HEADER_BYTES } from '../schemas/wire.ts'
import { type Archive, isWithin, overlaps, type TimeRange } from './archive.ts'
import { type DecodedEvent, EventDecoder, textField, timeField } from './decode.ts'
import { type ListedObject, listObjects, type ObjectFilter } from './list.ts'
import { type Alteration, alteredError, openHeader, openObject } from './open.ts'
import { SeenEvents } from './seen-events.ts'

/** How much earlier than it occurred an event can have been appended, by clocks that differ. */
const CLOCK_TOLERANCE_MS = 60 * 60_000
const MAX_EVENTS = 4_000_000

export interface EventQuery extends ObjectFilter {
  /** By `occurred_at`. Later objects are searched too, because events may arrive late; bound them by `minutes`. */
  readonly occurredAt?: TimeRange
  readonly tenantId?: string
  readonly eventId?: string
  /** Show events of altered objects too, marked, instead of refusing them. */
  readonly allowAltered?: boolean
  /** Upper bound of the matching events whose ids are remembered to find repeats. Default 4,000,000 (about 128 MB). */
  readonly maxEvents?: number
}

export interface FoundEvent {
  /** `conflict`: an event with this id and other content was shown before; both stand in the archive. */
  readonly kind: 'event' | 'conflict'
  readonly event: DecodedEvent
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly offset: bigint
  readonly key: string
  /** False only under `allowAltered`. */
  readonly verified: boolean
}

export type QueryItem =
  | FoundEvent
  /** Under `allowAltered`: the object is not what a trusted worker wrote. */
  | { readonly kind: 'altered'; readonly key: string; readonly alteration: Alteration }
  /** No object covers these offsets, both included, although later ones are there. */
  | { readonly kind: 'missing'; readonly before: string; readonly first: bigint; readonly last: bigint }

/**
 * The events that match, each once, verified while reading; by topic id, partition and offset. Of events that were
 * sent twice the first is shown. Holds one object in memory at a time.
 * @throws DaybookError DAYBOOK_EVIDENCE_ALTERED, DAYBOOK_EVIDENCE_TOO_MANY_EVENTS, DAYBOOK_S3_…
 */
export async function* getEvents(
  archive: Archive,
  query: EventQuery,
  signal?: AbortSignal,
): AsyncGenerator<QueryItem> {
  const seen = new SeenEvents(query.maxEvents ?? MAX_EVENTS)
  const decoder = new EventDecoder()
  const chain = new Chain()
  for await (const listed of listObjects(archive, { ...query, ...heldSince(query) }, signal)) {
    const head = await openHeader(archive, listed, signal)
    if (head.ok) {
      const hole = chain.next(listed, head.header)
      if (hole !== null) yield { kind: 'missing', before: listed.key, ...hole }
      if (!mayMatch(head.header, query)) continue
    }
    const opened = await openObject(archive, listed, signal)
    if (!opened.ok) {
      if (query.allowAltered !== true) throw alteredError(listed.key, opened.alteration)
      yield { kind: 'altered', key: listed.key, alteration: opened.alteration }
    }
    if (opened.ok) yield* matching(opened.object, { query, seen, decoder, verified: true })
    else if (opened.object !== null) yield* asFarAsReadable(opened.object, { query, seen, decoder })
  }
}

function heldSince(query: EventQuery): Pick<ObjectFilter, 'heldSinceMs'> {
  const earliest = query.occurredAt?.fromMs ?? uuidTime(query.eventId)
  if (earliest === null || query.minutes?.fromMs !== undefined) return {}
  return { heldSinceMs: Math.max(earliest - CLOCK_TOLERANCE_MS, 0) }
}

/** The time in a UUIDv7, null for any other id. */
function uuidTime(eventId: string | undefined): number | null {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-7/i.exec(eventId ?? '')
  return match === null ? null : Number.parseInt(`${match[1]}${match[2]}`, 16)
}

function mayMatch(header: ArchiveHeader, query: EventQuery): boolean {
  if (header.counts.event === 0) return false
  if (query.tenantId !== undefined && header.tenants !== null && !header.tenants.includes(query.tenantId))
    return false
  return header.occurredAt === null || overlaps(header.occurredAt, query.occurredAt)
}

interface Matching {
  readonly query: EventQuery
  readonly seen: SeenEvents
  readonly decoder: EventDecoder
  readonly verified: boolean
}

/** Events of an altered object, up to where it cannot be read any further. */
function* asFarAsReadable(object: ReadObject, o: Omit<Matching, 'verified'>): Generator<FoundEvent> {
  try {
    yield* matching(object, { ...o, verified: false })
  } catch (error) {
    if (!(error instanceof DaybookError || error instanceof RangeError) || isTooMany(error)) throw error
  }
}

function isTooMany(error: unknown): boolean {
  return error instanceof DaybookError && error.code === 'DAYBOOK_EVIDENCE_TOO_MANY_EVENTS'
}

function* matching({ header, records }: ReadObject, o: Matching): Generator<FoundEvent> {
  const { topic, topicId, partition, key } = header
  for (const record of records()) {
    if (record.kind !== 'event' || record.value === null) continue
    const event = o.decoder.decode(header, record.payload, o.verified)
    if (!matches(event, o.query)) continue
    // The schema id may differ between two sends of the same bytes.
    const found = o.seen.add(textField(event, 'event_id'), record.value.subarray(HEADER_BYTES))
    if (found === 'repeat') continue
    const kind = found === 'conflict' ? 'conflict' : 'event'
    yield { kind, event, topic, topicId, partition, offset: record.offset, key, verified: o.verified }
  }
}

function matches(event: DecodedEvent, query: EventQuery): boolean {
  if (query.eventId !== undefined && textField(event, 'event_id') !== query.eventId.toLowerCase())
    return false
  if (query.tenantId !== undefined && textField(event, 'tenant_id') !== query.tenantId) return false
  return isWithin(timeField(event, 'occurred_at'), query.occurredAt)
}

/** Follows the objects of a partition and finds offsets that are missing between two of them. */
class Chain {
  #partition = ''
  #next = 0n

  next({ name }: ListedObject, header: ArchiveHeader): { first: bigint; last: bigint } | null {
    const partition = `${name.topicId}/${name.partition}`
    const hole =
      partition === this.#partition && header.first > this.#next
        ? { first: this.#next, last: header.first - 1n }
        : null
    this.#partition = partition
    this.#next = header.last + 1n
    return hole
  }
}
