import { type AvroNode, type FieldNode, parseRecordSchema, type RecordNode } from './avro-node.ts'
import type { AvroRecordSchema } from './avro-schema.ts'
import { ByteWriter } from './bytes.ts'
import { defaultBytes } from './default-bytes.ts'
import { withNewestRules } from './newest-rules.ts'
import { relationOf } from './relation.ts'
import { compileBoundaries } from './skip.ts'

/** Constant bytes to be put in behind a field, by its flattened name; null: in front of everything. */
interface Insertion {
  readonly after: string | null
  readonly bytes: Buffer
}

/**
 * A resolver for the way in which the event schema grows: fields appended to the top level and to its nested
 * records, symbols appended to enums there. The payload is then copied in a few pieces with constants between
 * them, several times faster than value by value. Null when `newest` differs from `writer` in another way.
 *
 * The resolver gives null for a payload that is not canonical or not valid: those go value by value.
 */
export function compileAppendingResolver(
  writer: AvroRecordSchema,
  newest: AvroRecordSchema,
): ((buf: Buffer, start: number, end: number) => Buffer | null) | null {
  const insertions = insertionsOf(parseRecordSchema(writer), parseRecordSchema(newest))
  if (insertions === null) return null
  const ends = insertions.flatMap(({ after }) => (after === null ? [] : [after]))
  const skipper = compileBoundaries(withNewestRules(writer, newest), ends)
  const pieces = insertions.map(({ after, bytes }) => ({
    at: after === null ? null : skipper.at[after],
    bytes,
  }))
  const out = new ByteWriter()
  return (buf, start, end) => {
    if (skipper.check(buf, start, end) !== 0 || !skipper.canonical()) return null
    out.reset()
    let from = start
    for (const { at, bytes } of pieces) {
      const to = at?.end ?? start
      out.writeRaw(buf, from, to)
      out.writeRaw(bytes)
      from = to
    }
    out.writeRaw(buf, from, end)
    return out.take()
  }
}

function insertionsOf(writer: RecordNode, newest: RecordNode): readonly Insertion[] | null {
  const insertions: Insertion[] = []
  let last: string | null = null
  for (const [i, field] of newest.fields.entries()) {
    const own = writer.fields[i]
    if (own === undefined) {
      if (field.default === undefined) return null
      insertions.push({ after: last, bytes: defaultBytes(field.type, field.default) })
      continue
    }
    if (own.name !== field.name) return null
    if (own.type.kind !== 'record') {
      if (!copies(own.type, field.type)) return null
      last = own.name
      continue
    }
    const inner = nested(own, own.type, field.type)
    if (inner === null) return null
    last = inner.last ?? last
    insertions.push(...inner.bytes.map((bytes) => ({ after: last, bytes })))
  }
  return newest.fields.length < writer.fields.length ? null : insertions
}

/** Defaults of the fields that a nested record has more, and the flattened name of the last that it had. */
function nested(
  own: FieldNode,
  writer: RecordNode,
  newest: AvroNode,
): { readonly last: string | null; readonly bytes: readonly Buffer[] } | null {
  if (newest.kind !== 'record' || newest.fields.length < writer.fields.length) return null
  const bytes: Buffer[] = []
  for (const [i, field] of newest.fields.entries()) {
    const inner = writer.fields[i]
    if (inner === undefined) {
      if (field.default === undefined) return null
      bytes.push(defaultBytes(field.type, field.default))
    } else if (inner.name !== field.name || !copies(inner.type, field.type)) return null
  }
  const last = writer.fields.at(-1)
  return { last: last === undefined ? null : `${own.name}_${last.name}`, bytes }
}

/** Whether every value's bytes are the same in both types. */
function copies(writer: AvroNode, newest: AvroNode): boolean {
  if (writer.kind === 'enum' && newest.kind === 'enum') {
    return writer.symbols.every((symbol, i) => newest.symbols[i] === symbol)
  }
  const wrap = (type: AvroNode): RecordNode => ({
    kind: 'record',
    name: 'Wrap',
    doc: null,
    fields: [{ name: 'value', doc: null, type, default: null }],
  })
  return relationOf(wrap(writer), wrap(newest)) === 'same'
}
