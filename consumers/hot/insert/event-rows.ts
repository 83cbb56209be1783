import { hash } from 'node:crypto'
import type { AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import { compileResolver, type Resolver } from '../../../schemas/resolve.ts'
import { compileSkipper, type Skipper } from '../../../schemas/skip.ts'
import type { CheckedRecord, PartitionRef, SourceRecord } from '../../engine/contracts.ts'

/** An event on its way into the table. */
export interface EventRow {
  readonly partition: PartitionRef
  readonly record: SourceRecord
  /** The id of the schema in which the producer wrote it; `hashOf` covers that encoding. */
  readonly schemaId: number
  /** The event in the table's schema, canonical: `bytes[start..end)`. */
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  /** The same in the producer's schema, canonical; null where that is the table's. */
  readonly source: Buffer | null
  /** When the row was received by this process's clock; null: the record's time counts (see receipt-time.ts). */
  readonly clockTime: number | null
}

/** SHA-256 of the event's canonical encoding under the schema in which it was written. */
export function hashOf(row: EventRow): Buffer {
  return Buffer.from(hashText(row, payloadOf(row)), 'latin1')
}

/** The event in the table's schema, as a view. */
export function payloadOf({ bytes, start, end }: EventRow): Buffer {
  return bytes.subarray(start, end)
}

/** `hashOf` with a character for each byte: a string costs 0.6 µs of CPU, a buffer 1.7. */
export function hashText(row: EventRow, payload: Buffer): string {
  return hash('sha256', row.source ?? payload, 'binary')
}

export interface EventRows {
  /** Null: the record is not an event. @throws where its schema has no place in the table */
  row(checked: CheckedRecord, partition: PartitionRef, clockTime?: number | null): EventRow | null
}

interface Converter {
  /** Null: the bytes are the same in the table's schema. */
  readonly toTable: Resolver | null
  /** Made when it is first needed: one delivery may have records of a hundred schemas. */
  readonly skipper: () => Skipper
  readonly canonical: () => Resolver
}

/**
 * Brings events into the table's schema. The usual event, canonical and written in that very schema, costs nothing:
 * its bytes are used where they lie.
 *
 * `schemaOf` is asked only for ids that the checker accepted.
 */
export function createEventRows(o: {
  readonly table: AvroRecordSchema
  readonly schemaOf: (schemaId: number) => AvroRecordSchema
}): EventRows {
  const converters = new Map<number, Converter>()
  const tableText = JSON.stringify(o.table)

  function converter(schemaId: number): Converter {
    const known = converters.get(schemaId)
    if (known !== undefined) return known
    const schema = o.schemaOf(schemaId)
    const same = JSON.stringify(schema) === tableText
    const made: Converter = {
      toTable: same ? null : compileResolver(schema, o.table),
      skipper: once(() => compileSkipper(schema)),
      canonical: once(() => compileResolver(schema, schema)),
    }
    converters.set(schemaId, made)
    return made
  }

  return {
    row: ({ record, verdict }, partition, clockTime = null) => {
      if (verdict.kind !== 'event' || record.valueStart < 0) return null
      const { schemaId } = verdict
      const { bytes, valueEnd: end } = record
      const start = record.valueStart + verdict.payloadStart
      const { skipper, canonical, toTable } = converter(schemaId)
      const asWritten = verdict.canonical ?? isCanonical(skipper(), bytes, start, end)
      if (asWritten && toTable === null)
        return { partition, record, schemaId, bytes, start, end, source: null, clockTime }
      // A resolver returns its own buffer, which its next call overwrites: copy.
      const source = asWritten ? bytes.subarray(start, end) : Buffer.from(canonical()(bytes, start, end))
      const payload = toTable === null ? source : Buffer.from(toTable(source, 0, source.length))
      return { partition, record, schemaId, bytes: payload, start: 0, end: payload.length, source, clockTime }
    },
  }
}

function isCanonical(skipper: Skipper, bytes: Buffer, start: number, end: number): boolean {
  return skipper.check(bytes, start, end) === 0 && skipper.canonical()
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined
  return () => {
    made ??= make()
    return made
  }
}
