import type { AvroPrimitiveName } from './avro-schema.ts'
import { fullName, isPrimitiveName } from './avro-schema.ts'
import { DaybookError } from './errors.ts'

/** An Avro schema with all names resolved: recursive types are cycles of nodes. */
export type AvroNode = PrimitiveNode | EnumNode | FixedNode | ArrayNode | MapNode | UnionNode | RecordNode

export interface PrimitiveNode {
  readonly kind: AvroPrimitiveName
  readonly logicalType: string | null
}

export interface EnumNode {
  readonly kind: 'enum'
  readonly name: string
  readonly doc: string | null
  readonly symbols: readonly string[]
  readonly default: string | null
}

export interface FixedNode {
  readonly kind: 'fixed'
  readonly name: string
  readonly size: number
}

export interface ArrayNode {
  readonly kind: 'array'
  readonly items: AvroNode
}

export interface MapNode {
  readonly kind: 'map'
  readonly values: AvroNode
}

export interface UnionNode {
  readonly kind: 'union'
  readonly branches: readonly AvroNode[]
}

export interface RecordNode {
  readonly kind: 'record'
  /** Full name. */
  readonly name: string
  readonly doc: string | null
  readonly fields: readonly FieldNode[]
}

export interface FieldNode {
  readonly name: string
  readonly doc: string | null
  readonly type: AvroNode
  /** Undefined: the field has no default. */
  readonly default: unknown
}

type Json = Readonly<Record<string, unknown>>
type NamedNode = EnumNode | FixedNode | RecordNode

/** Schemas come from a registry that others write to: deeper nesting is refused rather than followed. */
const MAX_DEPTH = 64
/** A namespace stands in the names of all types in it, so a long one would be a thousand long names. */
const MAX_NAME = 256

/** Resolves a record schema. @throws DaybookError DAYBOOK_SCHEMA_INVALID when it is no valid Avro record schema. */
export function parseRecordSchema(schema: unknown): RecordNode {
  const node = createParser()(schema, '', 0)
  if (node.kind !== 'record') throw invalid(`the schema is of type ${node.kind}, not a record`)
  return node
}

function createParser(): (schema: unknown, namespace: string, depth: number) => AvroNode {
  const named = new Map<string, NamedNode>()

  function parse(schema: unknown, namespace: string, depth: number): AvroNode {
    if (depth > MAX_DEPTH) throw invalid(`types are nested deeper than ${MAX_DEPTH}`)
    if (typeof schema === 'string') return byName(schema, namespace, null)
    if (Array.isArray(schema)) return union(schema, namespace, depth)
    if (!isObject(schema)) throw invalid('a type is neither a name nor an object')
    switch (schema['type']) {
      case 'array':
        return { kind: 'array', items: parse(schema['items'], namespace, depth + 1) }
      case 'map':
        return { kind: 'map', values: parse(schema['values'], namespace, depth + 1) }
      case 'enum':
      case 'fixed':
      case 'record':
        return define(schema, schema['type'], namespace, depth)
      default:
        if (typeof schema['type'] === 'string')
          return byName(schema['type'], namespace, textOrNull(schema['logicalType']))
        return parse(schema['type'], namespace, depth + 1)
    }
  }

  function byName(name: string, namespace: string, logicalType: string | null): AvroNode {
    if (isPrimitiveName(name)) return { kind: name, logicalType }
    const node = named.get(fullName(name, namespace)) ?? named.get(name)
    if (node === undefined) throw invalid(`type ${name} is not defined`)
    return node
  }

  function union(branches: readonly unknown[], namespace: string, depth: number): UnionNode {
    const nodes = branches.map((branch) => parse(branch, namespace, depth + 1))
    if (nodes.length === 0) throw invalid('a union has no branches')
    if (nodes.some((node) => node.kind === 'union')) throw invalid('a union holds a union')
    const keys = new Set(nodes.map(branchKey))
    if (keys.size !== nodes.length) throw invalid('a union holds the same type twice')
    return { kind: 'union', branches: nodes }
  }

  function define(schema: Json, kind: 'enum' | 'fixed' | 'record', outer: string, depth: number): NamedNode {
    const given = text(schema['name'], `a ${kind} has no name`)
    const own = textOrNull(schema['namespace'])
    const dot = given.lastIndexOf('.')
    const namespace = dot > 0 ? given.slice(0, dot) : (own ?? outer)
    const name = bounded(fullName(given, namespace))
    if (named.has(name)) throw invalid(`type ${name} is defined twice`)
    const node = kind === 'record' ? record(schema, name, namespace, depth) : leaf(schema, kind, name)
    named.set(name, node)
    return node
  }

  function record(schema: Json, name: string, namespace: string, depth: number): RecordNode {
    const [fields, names]: [FieldNode[], Set<string>] = [[], new Set()]
    const node: RecordNode = { kind: 'record', name, doc: textOrNull(schema['doc']), fields }
    named.set(name, node)
    for (const field of list(schema['fields'], `record ${name} has no fields`)) {
      if (!isObject(field)) throw invalid(`a field of ${name} is not an object`)
      const fieldName = bounded(text(field['name'], `a field of ${name} has no name`))
      if (names.has(fieldName)) throw invalid(`${name} has two fields ${fieldName}`)
      names.add(fieldName)
      const type = parse(field['type'], namespace, depth + 1)
      fields.push({ name: fieldName, doc: textOrNull(field['doc']), type, default: field['default'] })
    }
    return node
  }

  return parse
}

function leaf(schema: Json, kind: 'enum' | 'fixed', name: string): EnumNode | FixedNode {
  if (kind === 'fixed') {
    const size = schema['size']
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
      throw invalid(`${name} has no valid size`)
    return { kind, name, size }
  }
  const symbols = list(schema['symbols'], `enum ${name} has no symbols`).map((s) =>
    text(s, `a symbol of ${name} is no text`),
  )
  if (new Set(symbols).size !== symbols.length) throw invalid(`enum ${name} has a symbol twice`)
  return { kind, name, doc: textOrNull(schema['doc']), symbols, default: textOrNull(schema['default']) }
}

/** Where each name stands, made once for each list: lists of thousands of names are compared with a hundred others. */
function indexed<K extends object>(namesOf: (of: K) => readonly string[]) {
  const made = new WeakMap<K, ReadonlyMap<string, number>>()
  return (of: K): ReadonlyMap<string, number> => {
    const known = made.get(of)
    if (known !== undefined) return known
    const indexes = new Map(namesOf(of).map((name, index) => [name, index]))
    made.set(of, indexes)
    return indexes
  }
}

/** Where a union has each of its branches, by `branchKey`; an enum its symbols; a record its fields. */
export const branchIndexes = indexed((branches: readonly AvroNode[]) => branches.map(branchKey))
export const symbolIndexes = indexed(({ symbols }: EnumNode) => symbols)
export const fieldIndexes = indexed(({ fields }: RecordNode) => fields.map(({ name }) => name))

/** What distinguishes the branches of a union: the kind, or the full name of a named type. */
export function branchKey(node: AvroNode): string {
  return 'name' in node ? node.name : node.kind
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: unknown, complaint: string): string {
  if (typeof value !== 'string' || value === '') throw invalid(complaint)
  return value
}

function bounded(name: string): string {
  if (name.length > MAX_NAME) throw invalid(`a name is longer than ${MAX_NAME} characters`)
  return name
}

function textOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}

function list(value: unknown, complaint: string): readonly unknown[] {
  if (!Array.isArray(value)) throw invalid(complaint)
  return value
}

function invalid(what: string): DaybookError {
  return new DaybookError('DAYBOOK_SCHEMA_INVALID', `Not a usable Avro schema: ${what}.`)
}
