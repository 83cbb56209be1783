import type { AvroRecordSchema } from '../../../schemas/avro-schema.ts'
import type { PartitionRef } from '../../engine/contracts.ts'
import { identifier, quote, quoteAll } from '../clickhouse/quote.ts'
import { eventColumns } from './column-types.ts'
import type { InsertEncoding } from './insert-encoding.ts'

/** A partition in an insert, and the owner that has to hold its fence. */
export interface OwnedPartition {
  readonly partition: PartitionRef
  readonly owner: string
}

/** The statement names each partition; more would make it longer than servers accept in a URL. */
export const MAX_INSERT_RANGES = 48

/** Part of the error message when an insert is refused because an owner is not current any more. */
export const FENCED = 'daybook: fenced'

export interface InsertStatements {
  /** The INSERT whose rows have the columns of `bodySchema`; `_range` counts from 0 through `owned`. */
  insert(owned: readonly OwnedPartition[]): string
  /** Takes the same body, reads every column of it, and keeps nothing: no table takes part. */
  readonly readOnly: string
}

export function insertStatements(o: {
  readonly database: string
  readonly schema: AvroRecordSchema
  readonly encoding: Pick<InsertEncoding, 'format' | 'hash'>
}): InsertStatements {
  const { format, hash } = o.encoding
  const columns = eventColumns(o.schema)
  const names = columns.map((column) => identifier(column.name)).join(',')
  const structure = [
    '_range UInt32',
    '_offset Int64',
    "_received_at DateTime64(3, 'UTC')",
    '_schema_id UInt32',
    `_content_hash ${hash.type}`,
    ...columns.map((column) => `${identifier(column.name)} ${column.type}`),
  ].join(', ')
  const target = `${identifier(o.database)}.events (_topic_id,_topic,_partition,_offset,_received_at,_schema_id,_content_hash,${names})`
  const source = `_offset,_received_at,_schema_id,${hash.expression},${names} FROM input(${quote(structure)})`
  return {
    insert: (owned) =>
      `INSERT INTO ${target} SELECT ${rangeColumns(owned)},${source} WHERE ${fenceCheck(o.database, owned)} FORMAT ${format}`,
    readOnly: `INSERT INTO FUNCTION null(${quote(structure)}) SELECT * FROM input(${quote(structure)}) FORMAT ${format}`,
  }
}

function rangeColumns(owned: readonly OwnedPartition[]): string {
  const topicIds = quoteAll(owned.map(({ partition }) => partition.topicId))
  const topics = quoteAll(owned.map(({ partition }) => partition.topic))
  const partitions = `[${owned.map(({ partition }) => partition.partition).join(',')}]`
  return `(${topicIds}::Array(UUID))[_range+1],${topics}[_range+1],(${partitions}::Array(UInt32))[_range+1]`
}

/**
 * Refuses the whole statement unless every owner is the current one of its partition. The subquery is a constant,
 * computed once, when the statement is analysed: it says what the fence held after the statement had entered the
 * process list and before any row was read. Owner ids are unique to a claim, so owners alone can be compared.
 */
export function fenceCheck(database: string, owned: readonly OwnedPartition[]): string {
  const current = `SELECT argMax(owner,(epoch,owner)) AS current FROM ${identifier(database)}.fence WHERE ${partitionsIn(owned.map(({ partition }) => partition))} GROUP BY topic_id,partition`
  const owners = owned.map(({ owner }) => quote(owner)).join(',')
  return `throwIf((SELECT count() FROM (${current}) WHERE current IN (${owners}))!=${owned.length},${quote(FENCED)})=0`
}

/** A condition on `topic_id` and `partition`. */
export function partitionsIn(partitions: readonly PartitionRef[]): string {
  const tuples = partitions.map((ref) => `(${quote(ref.topicId)}::UUID,${ref.partition}::UInt32)`)
  return `(topic_id,partition) IN [${tuples.join(',')}]`
}
