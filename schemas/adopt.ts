import type { AvroField, AvroRecordSchema, AvroSchema } from './avro-schema.ts'
import { isPrimitiveName, isUnion } from './avro-schema.ts'

/**
 * A writer's schema with the logical types of the newest one.
 *
 * Logical types do not change bytes, and registries do not compare them: a producer may register `event_id` as a
 * plain string. Stores hold it as a UUID all the same, so the newest schema's rules must be checked. Each top-level
 * field of a plain type, or a union of those, takes the newest schema's type where both have the same bytes.
 */
export function adoptLogicalTypes(writer: AvroRecordSchema, newest: AvroRecordSchema): AvroRecordSchema {
  return { ...writer, fields: writer.fields.map((field) => adopt(field, newest)) }
}

function adopt(field: AvroField, newest: AvroRecordSchema): AvroField {
  const partner = newest.fields.find((other) => other.name === field.name)
  const kinds = plainKinds(field.type)
  if (partner === undefined || kinds === null || kinds !== plainKinds(partner.type)) return field
  return { ...field, type: partner.type }
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
