/** Avro schemas as JSON, as far as the event schemas use them: no fixed-size decimals, no protocol declarations. */
export type AvroPrimitiveName = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'

export interface AvroPrimitive {
  readonly type: AvroPrimitiveName
  readonly logicalType?: string
}

export interface AvroEnum {
  readonly type: 'enum'
  readonly name: string
  readonly namespace?: string
  readonly doc?: string
  readonly symbols: readonly string[]
  readonly default?: string
}

export interface AvroFixed {
  readonly type: 'fixed'
  readonly name: string
  readonly namespace?: string
  readonly size: number
}

export interface AvroArray {
  readonly type: 'array'
  readonly items: AvroSchema
}

export interface AvroMap {
  readonly type: 'map'
  readonly values: AvroSchema
}

export interface AvroField {
  readonly name: string
  readonly type: AvroSchema
  readonly doc?: string
  readonly default?: unknown
}

export interface AvroRecordSchema {
  readonly type: 'record'
  readonly name: string
  readonly namespace?: string
  readonly doc?: string
  readonly fields: readonly AvroField[]
}

export type AvroUnion = readonly AvroSchema[]

/** A string is a primitive's name or the name of a type that was defined earlier in the same schema. */
export type AvroSchema =
  | string
  | AvroPrimitive
  | AvroEnum
  | AvroFixed
  | AvroArray
  | AvroMap
  | AvroRecordSchema
  | AvroUnion

const PRIMITIVES: ReadonlySet<string> = new Set([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
])

export function isPrimitiveName(name: string): name is AvroPrimitiveName {
  return PRIMITIVES.has(name)
}

export function isUnion(schema: AvroSchema): schema is AvroUnion {
  return Array.isArray(schema)
}

/** The full name of a named type, or of a reference to one, as seen from `namespace`. */
export function fullName(name: string, namespace: string): string {
  return name.includes('.') || namespace === '' ? name : `${namespace}.${name}`
}

/** The namespace in which names inside this named type are to be read. */
export function namespaceOf(
  schema: { readonly name: string; readonly namespace?: string },
  outer: string,
): string {
  const dot = schema.name.lastIndexOf('.')
  if (dot > 0) return schema.name.slice(0, dot)
  return schema.namespace ?? outer
}
