import type { Clock } from '../../runtime/clock.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { FIRST_FIELD_FAULT, SKIP_FAULT_TEXT, type Skipper } from '../../schemas/skip.ts'
import { HEADER_BYTES, schemaIdOf } from '../../schemas/wire.ts'
import {
  type BadRecordCode,
  type Checker,
  type LogPosition,
  partitionKey,
  type SourceRecord,
  type Unsettled,
  type Verdict,
} from '../engine/contracts.ts'
import type { KnownSchema } from './known-schema.ts'
import type { SchemaCatalogue } from './schema-catalogue.ts'

export interface CheckerOptions {
  readonly catalogue: SchemaCatalogue
  /** Values longer than this are quarantined, header included. */
  readonly maxRecordBytes: number
  /** False for a store whose table has no place for what a newer schema says: its events are `newer`. Default: true. */
  readonly takesNewer?: boolean
  readonly clock: Pick<Clock, 'now'>
}

/**
 * How long a look at the registry counts for what was in the log before it. Only so that what is registered
 * afterwards helps records that already wait.
 */
const ASKED_TTL_MS = 30_000

const TOMBSTONE: Verdict = { kind: 'tombstone' }
/** The same for all of them: a flood of empty values makes none anew. */
const NOT_WIRE_FORMAT: Verdict = {
  kind: 'bad',
  code: 'NOT_WIRE_FORMAT',
  reason: 'the value does not begin with 0x00 and a schema id',
  schemaId: null,
}
const NIL_UUID = Buffer.from('00000000-0000-0000-0000-000000000000', 'latin1')

/** The checker of event topics: wire format, schema, structure, and what no event may be without. */
export function createChecker(options: CheckerOptions): Checker {
  const { catalogue, maxRecordBytes, takesNewer = true } = options
  /** Verdicts are the same for all canonical records of a schema, so they are made once; for the others too. */
  const canonical = new Map<number, Verdict>()
  const other = new Map<number, Verdict>()
  const unknown = new UnknownSchemas(catalogue, options.clock)

  return {
    prepare: async (records, position) => {
      // Their partitions stand still until a version comes that takes them, or an administrator has deleted the schema.
      if (!takesNewer && catalogue.hasNewer) await catalogue.forgetDeleted(newerAmong(records, catalogue))
      await unknown.settle(records, position)
    },
    check(record) {
      const { bytes, valueStart, valueEnd, fault } = record
      if (fault !== null) return bad(fault.code, fault.reason, null)
      if (valueStart < 0) return TOMBSTONE
      const id = schemaIdOf(bytes, valueStart, valueEnd)
      const length = valueEnd - valueStart
      if (length > maxRecordBytes) {
        return bad('OVERSIZED', `the value has ${length} bytes, the limit is ${maxRecordBytes}`, id)
      }
      if (id === null) return NOT_WIRE_FORMAT
      const entry = catalogue.entry(id)
      if (entry === undefined) {
        if (!unknown.has(record, id)) throw notPrepared(id)
        return bad('UNKNOWN_SCHEMA', `no schema ${id} is registered for these topics`, id)
      }
      if (entry.kind === 'wrong') return bad('WRONG_SCHEMA', entry.reason, id)
      const { known } = entry
      const refused = checkPayload(known.skipper, record, id)
      if (refused !== null) return reviewed(refused, known, record)
      if (!takesNewer && known.relation === 'newer') return { kind: 'newer', schemaId: id }
      return known.skipper.canonical() ? verdictOf(canonical, id, true) : verdictOf(other, id, false)
    },
  }
}

function newerAmong(records: readonly SourceRecord[], catalogue: SchemaCatalogue): ReadonlySet<number> {
  const newer = new Set<number>()
  let last: number | null = null
  for (const record of records) {
    const id = schemaOf(record)
    if (id === null || id === last) continue
    last = id
    const entry = catalogue.entry(id)
    if (entry?.kind === 'event' && entry.known.relation === 'newer') newer.add(id)
  }
  return newer
}

/** A record that is refused is read again by other code: if that takes it, the fault is not the producer's. */
function reviewed(refused: BadVerdict, known: KnownSchema, record: SourceRecord): Verdict | Unsettled {
  const { bytes, valueStart, valueEnd } = record
  if (!known.reference.isEvent(bytes, valueStart + HEADER_BYTES, valueEnd)) return refused
  return { kind: 'disputed', schemaId: known.id, reason: refused.reason }
}

/**
 * Finds out about the schemas of records, and holds which of them have a schema that was looked for and is not
 * registered. Nothing is kept for an id that somebody made up, and a look at the registry counts for all that was in
 * a partition's log before it.
 */
class UnknownSchemas {
  readonly #catalogue: SchemaCatalogue
  readonly #clock: Pick<Clock, 'now'>
  /** By the batch that records came in (`SourceRecord.bytes`), so that they are forgotten with it. */
  readonly #unknown = new WeakMap<Buffer, Set<number>>()
  /** By partition: up to where its log had been written when the registry was asked, and when that was. */
  readonly #asked = new Map<string, { readonly through: bigint; readonly at: number }>()

  constructor(catalogue: SchemaCatalogue, clock: Pick<Clock, 'now'>) {
    this.#catalogue = catalogue
    this.#clock = clock
  }

  has({ bytes }: SourceRecord, id: number): boolean {
    return this.#unknown.get(bytes)?.has(id) === true
  }

  async settle(records: readonly SourceRecord[], position: LogPosition | undefined): Promise<void> {
    const missing = this.#missing(records)
    if (missing.length === 0) return
    if (this.#wasAsked(records, position)) await this.#catalogue.loadSeen(missing)
    else {
      const at = this.#clock.now()
      const wasAsked = await this.#catalogue.load(missing)
      // What is listed already is no look at the registry: versions may have come since.
      if (wasAsked && position !== undefined)
        this.#asked.set(partitionKey(position.partition), { through: position.highWatermark, at })
    }
    for (const record of records) {
      const id = schemaOf(record)
      if (id !== null && this.#catalogue.entry(id) === undefined) this.#remember(record, id)
    }
  }

  #remember({ bytes }: SourceRecord, id: number): void {
    const ids = this.#unknown.get(bytes)
    if (ids === undefined) this.#unknown.set(bytes, new Set([id]))
    else ids.add(id)
  }

  /** Whether all of `records` stood in the log already when the registry was asked. */
  #wasAsked(records: readonly SourceRecord[], position: LogPosition | undefined): boolean {
    const asked = position === undefined ? undefined : this.#asked.get(partitionKey(position.partition))
    const last = records.at(-1)
    if (asked === undefined || last === undefined) return false
    return last.offset < asked.through && this.#clock.now() - asked.at < ASKED_TTL_MS
  }

  /** Ids that are not loaded, those first that most records name: a good id stands in many, a made-up one in few. */
  #missing(records: readonly SourceRecord[]): number[] {
    const counts = new Map<number, number>()
    let last: number | null = null
    for (const record of records) {
      const id = schemaOf(record)
      if (id === null || (id === last && !counts.has(id))) continue
      last = id
      if (this.#catalogue.entry(id) === undefined) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    return [...counts].sort((a, b) => b[1] - a[1]).map(([id]) => id)
  }
}

function schemaOf({ bytes, valueStart, valueEnd, fault }: SourceRecord): number | null {
  return valueStart < 0 || fault !== null ? null : schemaIdOf(bytes, valueStart, valueEnd)
}

/** Null when the payload is an event that every store can hold. */
function checkPayload(skipper: Skipper, record: SourceRecord, id: number): BadVerdict | null {
  const { bytes } = record
  const fault = skipper.check(bytes, record.valueStart + HEADER_BYTES, record.valueEnd)
  if (fault !== 0) {
    const code = fault >= FIRST_FIELD_FAULT ? 'INVALID_FIELD' : 'MALFORMED'
    const field = skipper.faultField()
    return bad(code, `${SKIP_FAULT_TEXT[fault]}${field === null ? '' : ` (field ${field})`}`, id)
  }
  const { event_id: eventId, tenant_id: tenantId } = skipper.at
  if (eventId.start < 0 || isNil(bytes, eventId.start)) {
    return bad('INVALID_FIELD', 'the event has no id of its own (field event_id)', id)
  }
  if (tenantId.start === tenantId.end)
    return bad('INVALID_FIELD', 'the event has no tenant (field tenant_id)', id)
  return null
}

/** Compares only what begins with two zeros: UUIDs of version 7 begin with the time, which is past that. */
function isNil(bytes: Buffer, start: number): boolean {
  return (
    bytes[start] === 0x30 &&
    bytes[start + 1] === 0x30 &&
    NIL_UUID.compare(bytes, start, start + NIL_UUID.length) === 0
  )
}

function verdictOf(made: Map<number, Verdict>, schemaId: number, canonical: boolean): Verdict {
  const known = made.get(schemaId)
  if (known !== undefined) return known
  const verdict: Verdict = { kind: 'event', schemaId, payloadStart: HEADER_BYTES, canonical }
  made.set(schemaId, verdict)
  return verdict
}

type BadVerdict = Extract<Verdict, { readonly kind: 'bad' }>

function bad(code: BadRecordCode, reason: string, schemaId: number | null): BadVerdict {
  return { kind: 'bad', code, reason, schemaId }
}

function notPrepared(schemaId: number): DaybookError {
  return new DaybookError(
    'DAYBOOK_SCHEMA_NOT_LOADED',
    `Schema ${schemaId} was not loaded before its records were checked.`,
    {
      details: { schemaId },
    },
  )
}
