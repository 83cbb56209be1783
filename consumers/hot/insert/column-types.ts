import { type AvroNode, parseRecordSchema } from '../../../schemas/avro-node.ts'
import type { AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import { DaybookError } from '../../../schemas/errors.ts'

export interface EventColumn {
  readonly name: string
  /** The ClickHouse type as which the column is read from Avro; the table's own type may be its LowCardinality. */
  readonly type: string
}

/**
 * The columns of an event, nested records flattened, in the order of the schema's encoding.
 *
 * Strings are read as String and cast to the table's LowCardinality afterwards: that costs half the CPU of letting
 * the Avro reader fill dictionaries value by value (docs/decisions/hot-insert.md).
 */
export function eventColumns(schema: AvroRecordSchema): EventColumn[] {
  return parseRecordSchema(schema).fields.flatMap(({ name, type }) =>
    type.kind === 'record'
      ? type.fields.map((inner) => ({ name: `${name}_${inner.name}`, type: columnType(inner.type) }))
      : [{ name, type: columnType(type) }],
  )
}

function columnType(node: AvroNode): string {
  switch (node.kind) {
    case 'union': {
      const branches = node.branches.filter((branch) => branch.kind !== 'null')
      const [only] = branches
      if (only === undefined || branches.length > 1) throw unsupported('a union of several types')
      return branches.length === node.branches.length ? columnType(only) : `Nullable(${columnType(only)})`
    }
    case 'enum':
      return `Enum8(${node.symbols.map((symbol, index) => `'${symbol}' = ${index}`).join(', ')})`
    case 'array':
      return `Array(${columnType(node.items)})`
    case 'map':
      return `Map(String, ${columnType(node.values)})`
    case 'record':
      return `Tuple(${node.fields.map((field) => `${field.name} ${columnType(field.type)}`).join(', ')})`
    case 'fixed':
      return `FixedString(${node.size})`
    default:
      return scalarType(node)
  }
}

function scalarType(
  node: Exclude<AvroNode, { kind: 'union' | 'enum' | 'array' | 'map' | 'record' | 'fixed' }>,
): string {
  if (node.kind === 'string') return node.logicalType === 'uuid' ? 'UUID' : 'String'
  if (node.kind === 'long' && node.logicalType === 'timestamp-millis') return "DateTime64(3, 'UTC')"
  const type = SCALARS[node.kind]
  if (type === undefined) throw unsupported(`type ${node.kind}`)
  return type
}

const SCALARS: Readonly<Record<string, string>> = {
  boolean: 'Bool',
  int: 'Int32',
  long: 'Int64',
  float: 'Float32',
  double: 'Float64',
  bytes: 'String',
}

function unsupported(what: string): DaybookError {
  return new DaybookError(
    'DAYBOOK_HOT_SCHEMA_UNSUPPORTED',
    `The event schema has ${what}, for which the hot store has no column type. Change the schema, or add the type to consumers/hot/insert/column-types.ts with a migration.`,
  )
}
