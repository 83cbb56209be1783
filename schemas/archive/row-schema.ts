/** The schema of the rows in an archive object: prefix fields, then the writer's fields, flattened. */
import type { AvroField, AvroRecordSchema } from '../avro-schema.ts'
import { spliceSchema } from '../splice.ts'

export const RECORD_KINDS = ['event', 'tombstone', 'quarantined'] as const
export type RecordKind = (typeof RECORD_KINDS)[number]

export const ARCHIVE_RECORD_NAME = 'io.daybook.ArchivedRecord'

const PREFIX: readonly AvroField[] = [
  { name: '_offset', type: 'long', doc: 'Offset in the Kafka partition.' },
  {
    name: '_append_time',
    type: { type: 'long', logicalType: 'timestamp-millis' },
    doc: 'When the broker appended the record.',
  },
  { name: '_key', type: ['null', 'bytes'], doc: 'Key of the Kafka record; null and empty differ.' },
  {
    name: '_kind',
    type: { type: 'enum', name: 'io.daybook.RecordKind', symbols: RECORD_KINDS },
    doc: 'tombstone: the value was null. quarantined: the value is no event that could be decoded.',
  },
  {
    name: '_raw',
    type: ['null', 'bytes'],
    doc: 'The exact value where it is not 0x00, daybook.schema_id and the fields that follow.',
  },
  { name: '_size', type: 'int', doc: 'Bytes of the fields that follow, as encoded.' },
]

/** JSON text of the row schema over a writer's schema. Equal input gives equal text. */
export function rowSchema(writer: AvroRecordSchema): string {
  return spliceSchema({ name: ARCHIVE_RECORD_NAME, prefix: PREFIX, writer })
}
