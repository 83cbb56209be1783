import { rowSchema } from '../../schemas/archive/row-schema.ts'
import { type AvroNode, type FieldNode, parseRecordSchema, type RecordNode } from '../../schemas/avro-node.ts'
import type { AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { minimalSizes } from '../../schemas/minimal-size.ts'
import { relationOf } from '../../schemas/relation.ts'

/** Ten times what the event schema has today. */
const MAX_CHARACTERS = 128 * 1024
const MAX_VALUES = 4_000
/** Of the JSON, attributes that mean nothing to us included: they are written to archive headers. */
const MAX_DEPTH = 64
/** Columns of its rows, and values in a row without those of arrays, maps and unions. */
const MAX_COLUMNS = 500
const MAX_FIELDS = 1_000
/** Avro's names. Others would make files that other readers refuse. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/
const FIELD_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** A schema's text as JSON, of bounded size and depth. @throws SyntaxError for no JSON, RangeError beyond the bounds */
export function readBoundedSchema(text: string): AvroRecordSchema {
  if (text.length > MAX_CHARACTERS) throw new RangeError('the text is too long')
  const schema: AvroRecordSchema = JSON.parse(text)
  const waiting: { readonly value: unknown; readonly depth: number }[] = [{ value: schema, depth: 0 }]
  let values = 0
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { value, depth } = next
    if (++values > MAX_VALUES || depth > MAX_DEPTH) throw new RangeError('too many values, or too deep')
    if (typeof value !== 'object' || value === null) continue
    for (const inner of Object.values(value)) waiting.push({ value: inner, depth: depth + 1 })
  }
  return schema
}

/**
 * Why records of a schema could not be kept although it goes with the newest one, or null: their rows in an archive
 * file would say something else, or could not be read by others.
 */
export function schemaFault(
  schema: AvroRecordSchema,
  node: RecordNode,
  newest: AvroRecordSchema,
): string | null {
  const nodes = nodesUnder(node)
  const size = minimalSizes(node)
  if (nodes.some((one) => !Number.isFinite(size(one)))) return 'has a record that contains itself'
  // In this order: a record that many fields have is many columns.
  if (fieldsIn(node) > MAX_FIELDS) return 'has too many fields'
  const own = columnsOf(node)
  if (own.length > MAX_COLUMNS) return 'has too many fields'
  if (!nodes.every(hasGoodNames)) return 'has names that Avro does not know'
  const places = new Map(columnsOf(parseRecordSchema(newest)).map(({ name, path }) => [name, path]))
  for (const { name, path } of own) {
    if ((places.get(name) ?? path) !== path) return 'has a field whose column would be that of another one'
  }
  const row = parseRecordSchema(JSON.parse(rowSchema(schema)))
  const wanted = recordOf(own.map(({ name, field }) => ({ ...field, name })))
  const kept = recordOf(row.fields.slice(row.fields.length - own.length))
  if (relationOf(wanted, kept) !== 'same') return 'has a type whose name is taken'
  return null
}

interface Column {
  readonly name: string
  readonly path: string
  readonly field: FieldNode
}

/** The columns that a record's fields become: those of records in it stand for themselves. */
function columnsOf(record: RecordNode): Column[] {
  return record.fields.flatMap((field) =>
    field.type.kind === 'record'
      ? field.type.fields.map((inner) => ({
          name: `${field.name}_${inner.name}`,
          path: `${field.name}.${inner.name}`,
          field: inner,
        }))
      : [{ name: field.name, path: field.name, field }],
  )
}

/** The most fields that any record under `root` has, those of the records in it included. Finite where values are. */
function fieldsIn(root: RecordNode): number {
  const known = new Map<AvroNode, number>()
  let most = 0
  const count = (node: AvroNode): number => {
    const counted = known.get(node)
    if (counted !== undefined) return counted
    known.set(node, 1)
    let fields = 1
    if (node.kind === 'array') count(node.items)
    else if (node.kind === 'map') count(node.values)
    else if (node.kind === 'union') for (const branch of node.branches) count(branch)
    else if (node.kind === 'record') fields = node.fields.reduce((sum, field) => sum + count(field.type), 1)
    known.set(node, fields)
    most = Math.max(most, fields)
    return fields
  }
  count(root)
  return most
}

function recordOf(fields: readonly FieldNode[]): RecordNode {
  return { kind: 'record', name: 'Row', doc: null, fields }
}

function hasGoodNames(node: AvroNode): boolean {
  if ('name' in node && !NAME.test(node.name)) return false
  if (node.kind === 'enum') return node.symbols.every((symbol) => FIELD_NAME.test(symbol))
  return node.kind !== 'record' || node.fields.every(({ name }) => FIELD_NAME.test(name))
}

/** Each type once. */
function nodesUnder(root: AvroNode): AvroNode[] {
  const seen = new Set([root])
  // A set is gone through to what is added meanwhile.
  for (const node of seen) {
    if (node.kind === 'array') seen.add(node.items)
    else if (node.kind === 'map') seen.add(node.values)
    else if (node.kind === 'union') for (const branch of node.branches) seen.add(branch)
    else if (node.kind === 'record') for (const { type } of node.fields) seen.add(type)
  }
  return [...seen]
}
