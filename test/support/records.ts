import { SourceRecord } from '../../consumers/engine/source-record.ts'

/** What a record says, for comparisons: not where its bytes stand. */
export interface RecordContent {
  readonly offset: bigint
  readonly appendTime: number
  readonly key: Buffer | null
  readonly value: Buffer | null
}

export function contentOf({ offset, appendTime, key, value }: RecordContent): RecordContent {
  return { offset, appendTime, key, value }
}

/** The record with other content. */
export function changed(record: SourceRecord, changes: Partial<RecordContent>): SourceRecord {
  return SourceRecord.of({ ...contentOf(record), ...changes })
}
