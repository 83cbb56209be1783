import type { AvroField, AvroRecordSchema, AvroSchema } from './avro-schema.ts'
import { fullName, isPrimitiveName, isUnion, namespaceOf } from './avro-schema.ts'

/** A record that many fields have stands in the text as many times, with all that its author wrote beside its fields. */
const MAX_CHARACTERS = 256 * 1024

/**
 * The schema of rows that are made by putting prefix fields in front of a writer's raw payload.
 *
 * An Avro record is the concatenation of its fields, and a nested record adds no bytes of its own. So a row is
 * the prefix's bytes and then the payload unchanged, under a record with the fields of `prefix` and the writer's
 * fields, where each record-typed field of the writer's top level is replaced by its fields (`actor.id` becomes
 * `actor_id`). Records deeper down, in arrays, maps and unions, stay as they are.
 *
 * Gives the JSON text: equal input, equal text. @throws RangeError when two fields would get one name, or the text
 * would have more than 262,144 characters
 */
export function spliceSchema(o: {
  /** Name of the new record, with or without a namespace. */
  readonly name: string
  readonly prefix: readonly AvroField[]
  readonly writer: AvroRecordSchema
}): string {
  const emit = createEmitter()
  const namespace = namespaceOf(o.writer, '')
  const fields = [...o.prefix.map((field) => emit.field(field, '')), ...flatten(o.writer, namespace, emit)]
  const seen = new Set<string>()
  for (const { name } of fields) {
    if (seen.has(name)) throw new RangeError(`two fields of ${o.name} would be called ${name}`)
    seen.add(name)
  }
  const texts: string[] = []
  let characters = 0
  for (const field of fields) {
    const text = JSON.stringify(field)
    characters += text.length
    if (characters > MAX_CHARACTERS) throw new RangeError(`the schema of ${o.name} would be too long`)
    texts.push(text)
  }
  return `{"type":"record","name":${JSON.stringify(o.name)},"fields":[${texts.join(',')}]}`
}

/** Names of the columns that a writer's payload becomes, in order. */
export function flattenedNames(writer: AvroRecordSchema): string[] {
  return flatten(writer, namespaceOf(writer, ''), createEmitter()).map((field) => field.name)
}

function flatten(writer: AvroRecordSchema, namespace: string, emit: Emitter): AvroField[] {
  const fields: AvroField[] = []
  for (const field of writer.fields) {
    const record = emit.recordOf(field.type, namespace)
    if (record === null) {
      fields.push(emit.field(field, namespace))
      continue
    }
    for (const inner of record.schema.fields) {
      fields.push({ ...emit.field(inner, record.namespace), name: `${field.name}_${inner.name}` })
    }
  }
  return fields
}

interface ScopedRecord {
  readonly schema: AvroRecordSchema
  readonly namespace: string
}

interface Emitter {
  field(field: AvroField, namespace: string): AvroField
  /** The record that a type is or names, null for any other type. Remembers its definition. */
  recordOf(type: AvroSchema, namespace: string): ScopedRecord | null
}

/**
 * Rewrites types so that each named type is defined, under its full name, where it is first used: the field that
 * defined it may be gone (`target` is flattened away, `other_targets` still needs the record).
 */
function createEmitter(): Emitter {
  const definitions = new Map<string, { readonly schema: AvroSchema; readonly namespace: string }>()
  const emitted = new Set<string>()

  function type(schema: AvroSchema, namespace: string): AvroSchema {
    if (typeof schema === 'string') return reference(schema, namespace)
    if (isUnion(schema)) return schema.map((branch) => type(branch, namespace))
    switch (schema.type) {
      case 'array':
        return { ...schema, items: type(schema.items, namespace) }
      case 'map':
        return { ...schema, values: type(schema.values, namespace) }
      case 'record':
      case 'enum':
      case 'fixed':
        return named(schema, namespace)
      default:
        return schema
    }
  }

  function reference(name: string, namespace: string): AvroSchema {
    if (isPrimitiveName(name)) return name
    const full = fullName(name, namespace)
    const definition = definitions.get(full)
    if (emitted.has(full) || definition === undefined) return full
    return type(definition.schema, definition.namespace)
  }

  function named(schema: Extract<AvroSchema, { readonly name: string }>, outer: string): AvroSchema {
    const namespace = namespaceOf(schema, outer)
    const name = fullName(schema.name, namespace)
    if (emitted.has(name)) return name
    emitted.add(name)
    definitions.set(name, { schema, namespace: outer })
    const { namespace: _dropped, ...rest } = schema
    if (rest.type !== 'record') return { ...rest, name }
    return { ...rest, name, fields: rest.fields.map((inner) => field(inner, namespace)) }
  }

  function field(f: AvroField, namespace: string): AvroField {
    return { ...f, type: type(f.type, namespace) }
  }

  function recordOf(schema: AvroSchema, outer: string): ScopedRecord | null {
    if (typeof schema === 'string') {
      const definition = definitions.get(fullName(schema, outer))
      return definition === undefined ? null : recordOf(definition.schema, definition.namespace)
    }
    if (isUnion(schema) || schema.type !== 'record') return null
    const namespace = namespaceOf(schema, outer)
    definitions.set(fullName(schema.name, namespace), { schema, namespace: outer })
    return { schema, namespace }
  }

  return { field, recordOf }
}
