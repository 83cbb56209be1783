import { DaybookError } from '../../schemas/errors.ts'
import { FIRST_FIELD_FAULT, SKIP_FAULT_TEXT, type Skipper } from '../../schemas/skip.ts'
import { HEADER_BYTES, schemaIdOf } from '../../schemas/wire.ts'
import type { BadRecordCode, Checker, SourceRecord, Verdict } from '../engine/contracts.ts'
import type { SchemaCatalogue } from './schema-catalogue.ts'

export interface CheckerOptions {
  readonly catalogue: SchemaCatalogue
  /** Values longer than this are quarantined, header included. */
  readonly maxRecordBytes: number
}

const TOMBSTONE: Verdict = { kind: 'tombstone' }
const NIL_UUID = Buffer.from('00000000-0000-0000-0000-000000000000', 'latin1')

/** The checker of event topics: wire format, schema, structure, and what no event may be without. */
export function createChecker(options: CheckerOptions): Checker {
  const { catalogue, maxRecordBytes } = options
  /** Verdicts are the same for all canonical records of a schema, so they are made once; for the others too. */
  const canonical = new Map<number, Verdict>()
  const other = new Map<number, Verdict>()

  return {
    async prepare(records) {
      const missing = missingIds(catalogue, records)
      if (missing.size > 0) await catalogue.load(missing)
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
      if (id === null)
        return bad('NOT_WIRE_FORMAT', 'the value does not begin with 0x00 and a schema id', null)
      const entry = catalogue.entry(id)
      if (entry === undefined) throw notPrepared(id)
      if (entry.kind === 'unknown')
        return bad('UNKNOWN_SCHEMA', `the registry does not know schema ${id}`, id)
      if (entry.kind === 'wrong') return bad('WRONG_SCHEMA', entry.reason, id)
      const { skipper } = entry.known
      const refused = checkPayload(skipper, record, id)
      if (refused !== null) return refused
      return skipper.canonical() ? verdictOf(canonical, id, true) : verdictOf(other, id, false)
    },
  }
}

function missingIds(catalogue: SchemaCatalogue, records: readonly SourceRecord[]): Set<number> {
  const missing = new Set<number>()
  let last = -1
  for (const { bytes, valueStart, valueEnd, fault } of records) {
    const id = valueStart < 0 || fault !== null ? null : schemaIdOf(bytes, valueStart, valueEnd)
    if (id === null || id === last) continue
    last = id
    if (!catalogue.isLoaded(id)) missing.add(id)
  }
  return missing
}

/** Null when the payload is an event that every store can hold. */
function checkPayload(skipper: Skipper, record: SourceRecord, id: number): Verdict | null {
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

function bad(code: BadRecordCode, reason: string, schemaId: number | null): Verdict {
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
