import { parseRecordSchema } from './avro-node.ts'
import type { AvroRecordSchema } from './avro-schema.ts'
import { isUuidText, readVarint, type SkipState, skipUtf8 } from './skip-runtime.ts'
import { skipSource } from './skip-source.ts'

export { FIRST_FIELD_FAULT, SKIP_FAULT_TEXT, SkipFault } from './skip-runtime.ts'

/** Where a field's value stands in the bytes of the last record that was accepted. -1: null, or not in the schema. */
export interface Position {
  start: number
  end: number
}

/** Positions that consumers read without decoding. A string's position leaves its length out. */
export const EVENT_POSITIONS = ['event_id', 'tenant_id', 'occurred_at', 'producer_id', 'sequence'] as const
export type EventPosition = (typeof EVENT_POSITIONS)[number]

export interface Skipper<P extends string = EventPosition> {
  /**
   * Whether `buf[start..end)` is exactly one record of the schema that ClickHouse and the archive can hold: 0, or a
   * `SkipFault`. It never throws, never reads outside these bounds, and costs O(end - start) whatever the bytes say.
   */
  check(buf: Buffer, start: number, end: number): number
  /** Of the last record for which `check` gave 0. The next check overwrites it. */
  readonly at: Readonly<Record<P, Readonly<Position>>>
  /**
   * Whether the last accepted record is encoded as our own encoder would (shortest integers, one block per array and
   * map, lower-case UUIDs), so that stores give back exactly these bytes.
   */
  canonical(): boolean
  /** The flattened name of the field at which the last check failed, null for bytes after the last field. */
  faultField(): string | null
  /** Of the code that was made: what the checker takes of memory and compiling grows with it. */
  readonly codeCharacters: number
}

/** Compiles the checker of a record schema. @throws DaybookError DAYBOOK_SCHEMA_INVALID */
export function compileSkipper(schema: AvroRecordSchema): Skipper
export function compileSkipper<const P extends string>(
  schema: AvroRecordSchema,
  positions: readonly P[],
): Skipper<P>
export function compileSkipper(
  schema: AvroRecordSchema,
  positions: readonly string[] = EVENT_POSITIONS,
): Skipper<string> {
  return compile(schema, positions, [])
}

/** A checker that notes where fields end, whatever their type: `at.<field>.end`. Fields by flattened name. */
export function compileBoundaries(schema: AvroRecordSchema, ends: readonly string[]): Skipper<string> {
  return compile(schema, [], ends)
}

function compile(
  schema: AvroRecordSchema,
  positions: readonly string[],
  ends: readonly string[],
): Skipper<string> {
  const source = skipSource(parseRecordSchema(schema), positions, ends)
  const state: SkipState = { pos: 0, canonical: true, emptyItems: 0, field: 0 }
  const names = [...positions, ...ends]
  const at = Object.fromEntries(names.map((name): [string, Position] => [name, { start: -1, end: -1 }]))
  const slots = source.positions.map((name) => at[name])
  const check: unknown = new Function('R', 'S', 'A', source.body)(
    { readVarint, skipUtf8, isUuidText },
    state,
    slots,
  )
  if (!isCheck(check)) throw new TypeError('the generated checker is not a function')
  return {
    check,
    at,
    canonical: () => state.canonical,
    faultField: () => source.fields[state.field] || null,
    codeCharacters: source.body.length,
  }
}

function isCheck(value: unknown): value is Skipper['check'] {
  return typeof value === 'function'
}
