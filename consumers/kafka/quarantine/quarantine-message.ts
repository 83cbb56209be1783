import type { BadRecordCode, CheckedRecord, PartitionRef } from '../../engine/contracts.ts'
import type { FetchedRecord } from '../protocol/record-reader.ts'

/** Header names of the quarantine topic; docs/formats/quarantine.md describes them. */
export const QUARANTINE_HEADER = {
  topic: 'daybook-topic',
  topicId: 'daybook-topic-id',
  partition: 'daybook-partition',
  offset: 'daybook-offset',
  appendTime: 'daybook-append-time',
  schemaId: 'daybook-schema-id',
  code: 'daybook-code',
  reason: 'daybook-reason',
  key: 'daybook-key',
  batch: 'daybook-batch',
} as const

/** Marks a record that was sent again from the quarantine: `topic:partition:offset` of where it first stood. */
export const FIRST_OFFSET_HEADER = 'daybook-first-offset'

/** A reason names a field and a fault; what is longer is not of our making. */
const MAX_REASON_CHARS = 1_000

export interface QuarantineMessage {
  readonly key: string
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | string>>
}

/** The quarantine's record for a bad one: its bytes unchanged, all else in headers. Null for a record that is not bad. */
export function toQuarantineMessage(
  { topic, topicId, partition }: PartitionRef,
  { record, verdict }: CheckedRecord,
): QuarantineMessage | null {
  if (verdict.kind !== 'bad') return null
  const H = QUARANTINE_HEADER
  const headers: Record<string, Buffer | string> = {
    [H.topic]: topic,
    [H.topicId]: topicId,
    [H.partition]: String(partition),
    [H.offset]: String(record.offset),
    [H.appendTime]: String(record.appendTime),
    [H.code]: verdict.code,
    [H.reason]: verdict.reason.slice(0, MAX_REASON_CHARS),
  }
  if (verdict.schemaId !== null) headers[H.schemaId] = String(verdict.schemaId)
  if (record.key !== null) headers[H.key] = record.key
  if (record.fault !== null) headers[H.batch] = 'whole'
  return { key: `${topic}:${partition}:${record.offset}`, value: record.value, headers }
}

export interface QuarantineEntry {
  readonly partition: PartitionRef
  readonly offset: bigint
  readonly appendTime: number
  readonly schemaId: number | null
  readonly code: BadRecordCode | (string & {})
  readonly reason: string
  /** The value is a whole record batch that could not be taken apart, not the value of one record. */
  readonly isBatch: boolean
  readonly key: Buffer | null
  readonly value: Buffer | null
}

/** Null for a record that no quarantine wrote. */
export function fromQuarantineRecord({ value, headers = [] }: FetchedRecord): QuarantineEntry | null {
  const found = new Map(headers)
  const text = (name: string): string | null => found.get(name)?.toString('utf8') ?? null
  const H = QUARANTINE_HEADER
  const [topic, topicId, offset] = [text(H.topic), text(H.topicId), text(H.offset)]
  const partition = text(H.partition)
  if (topic === null || topicId === null || offset === null || partition === null) return null
  if (!/^\d{1,19}$/.test(offset) || !/^\d{1,9}$/.test(partition)) return null
  const schemaId = text(H.schemaId)
  return {
    partition: { topic, topicId, partition: Number(partition) },
    offset: BigInt(offset),
    appendTime: Number(text(H.appendTime) ?? 0),
    schemaId: schemaId === null ? null : Number(schemaId),
    code: text(H.code) ?? 'UNKNOWN',
    reason: text(H.reason) ?? '',
    isBatch: found.has(H.batch),
    key: found.get(H.key) ?? null,
    value,
  }
}
