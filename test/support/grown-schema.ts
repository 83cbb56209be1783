import type { AvroEnum, AvroField, AvroRecordSchema, AvroSchema } from '../../schemas/avro-schema.ts'
import { isUnion } from '../../schemas/avro-schema.ts'
import { enumListName } from '../../schemas/generate-types.ts'
import { AUDIT_EVENT_SCHEMA } from '../../schemas/generated/audit-event.ts'

const EXTRA: AvroField = { name: 'extra', type: ['null', 'string'], default: null }

/** A later version of the event: every record has a field more, every enum a symbol (`CATEGORY_NEW`, …). */
export function grownSchema(): AvroRecordSchema {
  return growRecord(AUDIT_EVENT_SCHEMA)
}

function growRecord(record: AvroRecordSchema): AvroRecordSchema {
  return { ...record, fields: [...record.fields.map(growField), EXTRA] }
}

function growField(field: AvroField): AvroField {
  return { ...field, type: grow(field.type) }
}

function grow(type: AvroSchema): AvroSchema {
  if (typeof type === 'string') return type
  if (isUnion(type)) return type.map(grow)
  if (type.type === 'array') return { ...type, items: grow(type.items) }
  if (type.type === 'enum') return growEnum(type)
  return type.type === 'record' ? growRecord(type) : type
}

function growEnum(type: AvroEnum): AvroEnum {
  return { ...type, symbols: [...type.symbols, enumListName(type.name).replace('_SYMBOLS', '_NEW')] }
}
