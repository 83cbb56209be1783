import type { AvroField, AvroRecordSchema, AvroSchema } from './avro-schema.ts'
import { isPrimitiveName, isUnion } from './avro-schema.ts'

/**
 * A writer's schema with what the newest one says beyond bytes: logical types and missing defaults.
 *
 * Neither changes the encoding, and registries let both differ: a producer may register `event_id` as a plain
 * string, or a subset of the fields without defaults. Stores hold a UUID all the same and need a row of defaults, so
 * the newest schema's rules hold for every version. Each top-level field of a plain type, or a union of those, takes
 * the newest schema's type where both have the same bytes; each field without a default takes the newest one's.
 */
export function withNewestRules(writer: AvroRecordSchema, newest: AvroRecordSchema): AvroRecordSchema {
  return { ...writer, fields: writer.fields.map((field) => adopt(field, newest)) }
}

function adopt(field: AvroField, newest: AvroRecordSchema): AvroField {
  const partner = newest.fields.find((other) => other.name === field.name)
  if (partner === undefined) return field
  const kinds = plainKinds(field.type)
  const type = kinds !== null && kinds === plainKinds(partner.type) ? partner.type : field.type
  return { ...field, type, default: field.default === undefined ? partner.default : field.default }
}

/** The primitive's name, for a union all of them in order; null where anything else is inside. */
function plainKinds(type: AvroSchema): string | null {
  if (typeof type === 'string') return isPrimitiveName(type) ? type : null
  if (isUnion(type)) {
    const kinds = type.map(plainKinds)
    return kinds.includes(null) ? null : `[${kinds.join()}]`
  }
  return isPrimitiveName(type.type) ? type.type : null
}
