import type { AvroField, AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import { spliceSchema } from '../../../schemas/splice.ts'

/**
 * What the worker puts in front of each payload. What is equal for all rows of a range (topic, partition) is
 * not repeated in the rows: `_range` is an index into arrays in the statement.
 */
const PREFIX: readonly AvroField[] = [
  { name: '_range', type: 'int' },
  { name: '_offset', type: 'long' },
  { name: '_received_at', type: { type: 'long', logicalType: 'timestamp-millis' } },
  { name: '_schema_id', type: 'int' },
  { name: '_content_hash', type: { type: 'fixed', name: 'Sha256', size: 32 } },
]

/** The schema of an insert's body. */
export function bodySchema(writer: AvroRecordSchema): string {
  return spliceSchema({ name: 'HotRow', prefix: PREFIX, writer })
}
