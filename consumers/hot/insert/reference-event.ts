import { type AvroNode, parseRecordSchema } from '../../../schemas/avro-node.ts'
import type { AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import { defaultBytes } from '../../../schemas/default-bytes.ts'
import { SourceRecord } from '../../engine/source-record.ts'
import type { EventRow } from './event-rows.ts'

const NIL_UUID = '00000000-0000-0000-0000-000000000000'

/** A row of the table that every store can read: all fields have their defaults. It is never inserted. */
export function referenceEvent(table: AvroRecordSchema): EventRow {
  const { fields } = parseRecordSchema(table)
  const bytes = Buffer.concat(fields.map(({ type, default: value }) => bytesOf(type, value)))
  const record = SourceRecord.of({ offset: 0n, appendTime: 1, key: null, value: bytes })
  return {
    ...{ record, schemaId: 0, bytes, start: 0, end: bytes.length, source: null, clockTime: null },
    partition: { topic: '', topicId: NIL_UUID, partition: 0 },
  }
}

/** The default, but for ids, whose default is no UUID. */
function bytesOf(type: AvroNode, value: unknown): Buffer {
  const isId = type.kind === 'string' && type.logicalType === 'uuid'
  return defaultBytes(type, isId ? NIL_UUID : value)
}
