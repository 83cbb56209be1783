import { ByteReader } from '../bytes.ts'
import type { ContainerBlock } from '../container.ts'
import { frame } from '../wire.ts'
import { malformedObject } from './malformed.ts'
import { RECORD_KINDS, type RecordKind } from './row-schema.ts'

/** A Kafka record as an archive object gives it back: key and value exactly; null and empty differ. */
export interface ArchivedRecord {
  readonly offset: bigint
  readonly appendTime: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly kind: RecordKind
  /** The row's fields behind the prefix: one record of the object's writer schema. */
  readonly payload: Buffer
}

/**
 * The records of a block. Reads no schema but the prefix: `_size` says where each row ends.
 * @throws DaybookError DAYBOOK_ARCHIVE_MALFORMED, DAYBOOK_AVRO_MALFORMED
 */
export function* readRows(block: ContainerBlock, schemaId: number | null): Generator<ArchivedRecord> {
  const reader = new ByteReader(block.data)
  for (let i = 0; i < block.count; i++) yield readRow(reader, schemaId)
  if (reader.remaining !== 0) throw malformedObject('a block has bytes behind its last row')
}

function readRow(reader: ByteReader, schemaId: number | null): ArchivedRecord {
  const offset = reader.readBigLong()
  // A producer may claim a time beyond the safe integers; rows hold it as a double does.
  const appendTime = reader.readRoundedLong()
  const key = readNullable(reader)
  const kind = RECORD_KINDS[reader.readLong()]
  if (kind === undefined) throw malformedObject(`the record at offset ${offset} is of no known kind`)
  const raw = readNullable(reader)
  const payload = reader.readFixed(reader.readLong())
  return { offset, appendTime, key, value: kafkaValue(kind, raw, payload, schemaId, offset), kind, payload }
}

function kafkaValue(
  kind: RecordKind,
  raw: Buffer | null,
  payload: Buffer,
  schemaId: number | null,
  offset: bigint,
): Buffer | null {
  if (raw !== null) return raw
  if (kind === 'tombstone') return null
  if (kind === 'quarantined' || schemaId === null) {
    throw malformedObject(`the record at offset ${offset} lacks its value`)
  }
  return frame(schemaId, payload)
}

function readNullable(reader: ByteReader): Buffer | null {
  switch (reader.readLong()) {
    case 0:
      return null
    case 1:
      return reader.readBytes()
    default:
      throw malformedObject('a union has no such branch')
  }
}
