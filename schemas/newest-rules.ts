import type { AvroField, AvroPrimitive, AvroRecordSchema, AvroSchema, AvroUnion } from './avro-schema.ts'
import { isPrimitiveName, isUnion } from './avro-schema.ts'

/**
 * A writer's schema with what the newest one says beyond bytes: logical types and defaults.
 *
 * Neither changes the encoding, and registries let both differ: a producer may register `event_id` as a plain
 * string, or a subset of the fields without defaults. Stores hold a UUID all the same and need a row of defaults, so
 * the newest schema's rules hold for every version. Each top-level field of a plain type, or a union of those, takes
 * the newest schema's type where both have the same bytes, else the logical types of the values that both can have.
 * Each field without a default, or whose values have a rule, takes the newest one's default.
 */
export function withNewestRules(writer: AvroRecordSchema, newest: AvroRecordSchema): AvroRecordSchema {
  const partners = new Map(newest.fields.map((field) => [field.name, field]))
  return { ...writer, fields: writer.fields.map((field) => adopt(field, partners.get(field.name))) }
}

function adopt(field: AvroField, partner: AvroField | undefined): AvroField {
  if (partner === undefined) return field
  const kinds = plainKinds(field.type)
  if (kinds !== null && kinds === plainKinds(partner.type)) {
    const isOurs = field.default === undefined || hasRule(partner.type)
    return { ...field, type: partner.type, default: isOurs ? partner.default : field.default }
  }
  const type = withRules(field.type, rulesOf(partner.type))
  return { ...field, type, default: field.default === undefined ? partner.default : field.default }
}

type Rules = ReadonlyMap<string, string | undefined>

/** The logical types of the primitives that a value can be, by primitive. */
function rulesOf(schema: AvroSchema): Rules {
  const type = unwrapped(schema)
  const branches = isUnion(type) ? type : [type]
  return new Map(branches.flatMap(ruleOf))
}

function ruleOf(type: AvroSchema): [string, string | undefined][] {
  if (typeof type === 'string') return isPrimitiveName(type) ? [[type, undefined]] : []
  return !isUnion(type) && isPrimitive(type) ? [[type.type, type.logicalType]] : []
}

function hasRule(type: AvroSchema): boolean {
  return [...rulesOf(type).values()].some((rule) => rule !== undefined)
}

function withRules(schema: AvroSchema, rules: Rules): AvroSchema {
  const type = unwrapped(schema)
  if (isUnion(type)) return type.map((branch) => withRules(branch, rules))
  const name = typeof type === 'string' ? type : type.type
  if (!isPrimitiveName(name) || !rules.has(name)) return type
  const rule = rules.get(name)
  if (rule !== undefined) return { type: name, logicalType: rule }
  return typeof type === 'object' && isPrimitive(type) && type.logicalType !== undefined ? name : type
}

function isPrimitive(type: Exclude<AvroSchema, string | AvroUnion>): type is AvroPrimitive {
  return isPrimitiveName(type.type)
}

/** Without objects that say nothing but what their type is: `{"type": {"type": "string"}}`. */
function unwrapped(type: AvroSchema): AvroSchema {
  const inner: unknown = typeof type === 'string' || isUnion(type) ? null : type.type
  return isNested(inner) ? unwrapped(inner) : type
}

function isNested(inner: unknown): inner is AvroSchema {
  return typeof inner === 'object' && inner !== null
}

/** The primitive's name, for a union all of them in order; null where anything else is inside. */
function plainKinds(schema: AvroSchema): string | null {
  const type = unwrapped(schema)
  if (typeof type === 'string') return isPrimitiveName(type) ? type : null
  if (isUnion(type)) {
    const kinds = type.map(plainKinds)
    return kinds.includes(null) ? null : `[${kinds.join()}]`
  }
  return isPrimitiveName(type.type) ? type.type : null
}
