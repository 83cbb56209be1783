import type { RecordKind } from '../../schemas/archive/row-schema.ts'
import type { ArchivedRow } from '../../schemas/archive/row-writer.ts'
import { DaybookError } from '../../schemas/errors.ts'
import type { CheckedRecord, Range } from '../engine/contracts.ts'
import type { RangeSummary } from './range-summary.ts'
import type { WriterSchemas } from './writer-schemas.ts'

/** The schema id that the rows of `range` are spliced under; null where it holds no event. All is compiled by then. */
export async function baseSchemaOf(range: Range, schemas: WriterSchemas): Promise<number | null> {
  const ids = new Set<number>()
  let last = -1
  for (const { verdict } of range.records) {
    if (verdict.kind !== 'event' || verdict.schemaId === last) continue
    last = verdict.schemaId
    ids.add(last)
  }
  return schemas.prepare(ids)
}

/** The rows of `range`, in offset order; `summary` is complete when the last one was taken. */
export function* rowsOf(
  range: Range,
  o: { readonly base: number | null; readonly schemas: WriterSchemas; readonly summary: RangeSummary },
): Generator<ArchivedRow> {
  const { defaults } = o.schemas.of(o.base)
  for (const checked of range.records) {
    const { record, verdict } = checked
    const { value } = record
    o.summary.record(record.appendTime)
    const kind = kindOf(checked)
    if (kind === 'tombstone') {
      o.summary.tombstone()
      yield row(checked, kind, null, defaults, 0)
      continue
    }
    const isBase = verdict.kind === 'event' && verdict.schemaId === o.base
    const resolved = value === null || verdict.kind !== 'event' || isBase ? null : resolve(value, verdict, o)
    if (value === null || verdict.kind !== 'event' || (!isBase && resolved === null)) {
      o.summary.quarantined()
      yield row(checked, 'quarantined', value, defaults, 0)
      continue
    }
    const readHead = o.schemas.headReader(verdict.schemaId)
    o.summary.event(value, readHead(value, verdict.payloadStart, value.length) ? o.schemas.head : null)
    if (resolved === null) yield row(checked, 'event', null, value, verdict.payloadStart)
    else yield row(checked, 'event', value, resolved, 0)
  }
}

/** As what a record is archived. A null value is a tombstone, whatever the checker says. */
export function kindOf({ record, verdict }: CheckedRecord): RecordKind {
  if (record.valueStart < 0) return 'tombstone'
  return verdict.kind === 'event' ? 'event' : 'quarantined'
}

/**
 * Null where the event has no place under the object's schema: two subjects may have grown apart. One such event
 * must not stop its partition; it stands there with its exact bytes, like any record that is no event here.
 */
function resolve(
  value: Buffer,
  verdict: { readonly schemaId: number; readonly payloadStart: number },
  o: { readonly base: number | null; readonly schemas: WriterSchemas },
): Buffer | null {
  if (o.base === null) throw new TypeError('an event gives its range a schema')
  try {
    return o.schemas.resolver(verdict.schemaId, o.base)?.(value, verdict.payloadStart, value.length) ?? null
  } catch (error) {
    if (error instanceof DaybookError) return null
    throw error
  }
}

function row(
  { record }: CheckedRecord,
  kind: ArchivedRow['kind'],
  raw: Buffer | null,
  payload: Buffer,
  start: number,
): ArchivedRow {
  return { offset: record.offset, appendTime: record.appendTime, key: record.key, kind, raw, payload, start }
}
