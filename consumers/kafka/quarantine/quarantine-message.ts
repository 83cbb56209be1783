import { createHash } from 'node:crypto'
import type { BadBatch, BadRecord, PartitionRef, Quarantined, SourceRecord } from '../../engine/contracts.ts'
import { encodeBadList } from './bad-list.ts'

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
  /** Only in format 1: the value is a whole batch. */
  batch: 'daybook-batch',
  format: 'daybook-format',
  bad: 'daybook-bad',
  reference: 'daybook-reference',
} as const

export const FORMAT = '2'

/** Marks a record that was sent again from the quarantine: `topic:partition:offset` of where it first stood. */
export const FIRST_OFFSET_HEADER = 'daybook-first-offset'

/** A reason names a field and a fault; what is longer is not of our making. */
const MAX_REASON_CHARS = 1_000
/** So much of what is not kept whole stands in its reference. */
const SHOWN_BYTES = 1_024
/** A record alone is kept whole up to this: it may have come compressed, and may be one of many. */
const MAX_RECORD_BYTES = 16 * 1_024
/** Of the list beside a reference. */
const MAX_REFERENCE_LIST_BYTES = 4_096
/** A list may be as long as this, however small the batches are, and then half as long as they. */
const MIN_LIST_BYTES = 512

export interface QuarantineMessage {
  readonly key: string
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, Buffer | string>>
}

/** Batches of one partition, byte for byte, one after another as in Kafka's log, with the list of bad records. */
export function batchesMessage(
  partition: PartitionRef,
  batches: readonly BadBatch[],
  maxBytes: number,
): QuarantineMessage | null {
  const [first] = batches
  if (first === undefined) return null
  const value = batches.length === 1 ? first.bytes : Buffer.concat(batches.map(({ bytes }) => bytes))
  const room =
    maxBytes - messageBytes({ key: keyOf(partition, first.first), value, headers: common(partition) })
  const listBytes = Math.min(room, Math.max(MIN_LIST_BYTES, value.length >> 1))
  const bad = encodeBadList(batches, { maxBytes: listBytes, withSpans: false })
  if (bad.length > room) return null
  const headers = { ...common(partition), [QUARANTINE_HEADER.bad]: bad }
  return { key: keyOf(partition, first.first), value, headers }
}

/** What stands for batches that are not kept: their place, size, hash and first bytes. */
export function batchesReference(
  partition: PartitionRef,
  batches: readonly BadBatch[],
): QuarantineMessage | null {
  const [first, last] = [batches[0], batches.at(-1)]
  if (first === undefined || last === undefined) return null
  const hash = createHash('sha256')
  for (const { bytes } of batches) hash.update(bytes)
  const reference = {
    last: String(last.last),
    appendTime: first.appendTime,
    bytes: batches.reduce((sum, { bytes }) => sum + bytes.length, 0),
    sha256: hash.digest('hex'),
  }
  const headers = {
    ...common(partition),
    [QUARANTINE_HEADER.reference]: JSON.stringify(reference),
    [QUARANTINE_HEADER.bad]: encodeBadList(batches, { maxBytes: MAX_REFERENCE_LIST_BYTES, withSpans: true }),
  }
  return { key: keyOf(partition, first.first), value: first.bytes.subarray(0, SHOWN_BYTES), headers }
}

export type BadItem = Extract<Quarantined, { kind: 'record' }>

/** A record alone, its bytes unchanged and all else in headers. Null where it is larger than may be kept whole. */
export function recordMessage(
  partition: PartitionRef,
  { record, bad }: BadItem,
  maxBytes: number,
): QuarantineMessage | null {
  if (record.size > MAX_RECORD_BYTES) return null
  const headers = recordHeaders(partition, record, bad)
  if (record.key !== null) headers[QUARANTINE_HEADER.key] = record.key
  const message = { key: keyOf(partition, record.offset), value: record.value, headers }
  return messageBytes(message) > maxBytes ? null : message
}

/** What stands for a record that is not kept: its place, size, hash of the value, and first bytes. */
export function recordReference(partition: PartitionRef, { record, bad }: BadItem): QuarantineMessage {
  const value = record.value ?? Buffer.alloc(0)
  const reference = { bytes: value.length, sha256: createHash('sha256').update(value).digest('hex') }
  return {
    key: keyOf(partition, record.offset),
    value: value.subarray(0, SHOWN_BYTES),
    headers: {
      ...recordHeaders(partition, record, bad),
      [QUARANTINE_HEADER.format]: FORMAT,
      [QUARANTINE_HEADER.reference]: JSON.stringify(reference),
    },
  }
}

function recordHeaders(partition: PartitionRef, record: SourceRecord, bad: BadRecord) {
  const H = QUARANTINE_HEADER
  const headers: Record<string, Buffer | string> = {
    [H.topic]: partition.topic,
    [H.topicId]: partition.topicId,
    [H.partition]: String(partition.partition),
    [H.offset]: String(record.offset),
    [H.appendTime]: String(record.appendTime),
    [H.code]: bad.code,
    [H.reason]: bad.reason.slice(0, MAX_REASON_CHARS),
  }
  if (bad.schemaId !== null) headers[H.schemaId] = String(bad.schemaId)
  if (record.fault !== null) headers[H.batch] = 'whole'
  return headers
}

/** Key, value and headers, as a topic's `max.message.bytes` counts them. */
export function messageBytes({ key, value, headers }: QuarantineMessage): number {
  let bytes = key.length + (value?.length ?? 0)
  for (const [name, header] of Object.entries(headers)) bytes += name.length + Buffer.byteLength(header) + 10
  return bytes
}

function common({ topicId }: PartitionRef): Record<string, Buffer | string> {
  return { [QUARANTINE_HEADER.format]: FORMAT, [QUARANTINE_HEADER.topicId]: topicId }
}

/** Topic names hold no colon. */
function keyOf({ topic, partition }: PartitionRef, offset: bigint): string {
  return `${topic}:${partition}:${offset}`
}
