import type { AvroNode, RecordNode } from './avro-node.ts'

export const Kind = {
  NOTHING: 0,
  BOOLEAN: 1,
  BYTES: 2,
  INTEGER: 3,
  TEXT: 4,
  ENUM: 5,
  UNION: 6,
  RECORD: 7,
  ITEMS: 8,
} as const

/** What the reference reader does with a value. All parts have one shape: this is what makes reading them quick. */
export interface Part {
  /** One of `Kind`. */
  readonly kind: number
  /** Of a field: its name. */
  readonly name: string
  /** Bytes of a fixed size; symbols of an enum; of `items`: 0 where an item takes no bytes. */
  readonly size: number
  /** Bounds of an integer, both included. */
  readonly least: number
  readonly most: number
  /** What a text must be. */
  readonly rule: 'bytes' | 'utf8' | 'uuid'
  /** Fields of a record, branches of a union, what one item consists of. Without those that take no bytes, but branches. */
  readonly parts: readonly Part[]
}

const NONE: Part = { kind: Kind.NOTHING, name: '', size: 0, least: 0, most: 0, rule: 'bytes', parts: [] }
const KEY: Part = { ...NONE, kind: Kind.TEXT, rule: 'utf8' }
const LONG = { least: Number.NEGATIVE_INFINITY, most: Number.POSITIVE_INFINITY }
const INT = { least: -(2 ** 31), most: 2 ** 31 - 1 }
/** What a DateTime64(3) column and every reader of the archive hold. */
const TIME = { least: Date.parse('1900-01-01T00:00:00.000Z'), most: Date.parse('2299-12-31T23:59:59.999Z') }

/** The fields of a record, as the reference reader goes through them. */
export function planOf(root: RecordNode): readonly Part[] {
  const planned = new Map<RecordNode, Part>()

  function part(node: AvroNode): Part {
    if (takesNothing(node)) return NONE
    switch (node.kind) {
      case 'null':
        return NONE
      case 'boolean':
        return { ...NONE, kind: Kind.BOOLEAN }
      case 'int':
        return { ...NONE, kind: Kind.INTEGER, ...INT }
      case 'long':
        return { ...NONE, kind: Kind.INTEGER, ...(node.logicalType === 'timestamp-millis' ? TIME : LONG) }
      case 'float':
        return { ...NONE, kind: Kind.BYTES, size: 4 }
      case 'double':
        return { ...NONE, kind: Kind.BYTES, size: 8 }
      case 'fixed':
        return { ...NONE, kind: Kind.BYTES, size: node.size }
      case 'bytes':
        return { ...NONE, kind: Kind.TEXT }
      case 'string':
        return { ...NONE, kind: Kind.TEXT, rule: node.logicalType === 'uuid' ? 'uuid' : 'utf8' }
      case 'enum':
        return { ...NONE, kind: Kind.ENUM, size: node.symbols.length }
      case 'union':
        return { ...NONE, kind: Kind.UNION, parts: node.branches.map(part) }
      case 'array':
        return items([part(node.items)])
      case 'map':
        return items([KEY, part(node.values)])
      case 'record':
        return record(node)
    }
  }

  function record(node: RecordNode): Part {
    const known = planned.get(node)
    if (known !== undefined) return known
    const parts: Part[] = []
    const made: Part = { ...NONE, kind: Kind.RECORD, parts }
    planned.set(node, made)
    parts.push(...fields(node))
    return made
  }

  function fields(node: RecordNode): Part[] {
    return node.fields
      .map((field): Part => ({ ...part(field.type), name: field.name }))
      .filter(({ kind }) => kind !== Kind.NOTHING)
  }

  return fields(root)
}

function items(parts: readonly Part[]): Part {
  const some = parts.filter(({ kind }) => kind !== Kind.NOTHING)
  return { ...NONE, kind: Kind.ITEMS, size: some.length, parts: some }
}

/** Whether every value of the type takes no bytes. */
function takesNothing(type: AvroNode, known: Map<AvroNode, boolean> = new Map()): boolean {
  if (type.kind === 'null') return true
  if (type.kind === 'fixed') return type.size === 0
  if (type.kind !== 'record') return false
  const answer = known.get(type)
  if (answer !== undefined) return answer
  // A record within itself has no finite value, so this answer does not matter.
  known.set(type, false)
  const nothing = type.fields.every((field) => takesNothing(field.type, known))
  known.set(type, nothing)
  return nothing
}
