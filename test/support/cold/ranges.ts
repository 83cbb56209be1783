import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { usualEvents } from '../../../bench/events/generate.ts'
import type { ArchiveCatalogue, RegisteredSchema } from '../../../consumers/cold/writer-schemas.ts'
import type { CheckedRecord, Gap, PartitionRef, Range } from '../../../consumers/engine/contracts.ts'
import { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { frame, HEADER_BYTES, schemaIdOf } from '../../../schemas/wire.ts'

const text = readFileSync(new URL('../../../schemas/avro/audit-event.v1.avsc', import.meta.url), 'utf8')

export const eventSchema: RegisteredSchema = { id: 7, text, schema: JSON.parse(text) }

/** A catalogue of these schemas, the last of which is the newest. */
export function catalogueOf(...schemas: readonly RegisteredSchema[]): ArchiveCatalogue {
  const known = schemas.length === 0 ? [eventSchema] : schemas
  return {
    newest: known.at(-1) ?? eventSchema,
    schemaOf: (id) => {
      const found = known.find((schema) => schema.id === id)
      if (found === undefined) throw new Error(`no schema ${id}`)
      return found
    },
  }
}

export function testPartition(topic = 'audit.events.standard', partition = 0): PartitionRef {
  return { topic, topicId: randomUUID(), partition }
}

export const FIRST_MINUTE = Date.UTC(2026, 10, 21, 9, 30)

/** `count` event records from offset `first` on, one every 10 ms. */
export function eventRecords(o: {
  first: bigint
  count: number
  seed?: number
  startMs?: number
}): SourceRecord[] {
  const payloads = usualEvents({ seed: o.seed ?? 1, count: o.count, startMs: FIRST_MINUTE })
  let index = 0
  const records: SourceRecord[] = []
  for (const payload of payloads) {
    const record = SourceRecord.of({
      offset: o.first + BigInt(index),
      appendTime: (o.startMs ?? FIRST_MINUTE) + index * 10,
      key: Buffer.from(`key-${index % 7}`),
      value: frame(eventSchema.id, payload),
    })
    records.push(record)
    index++
  }
  return records
}

/** Frames count as events, null as tombstones, everything else as bad. */
export function checked(record: SourceRecord): CheckedRecord {
  if (record.value === null) return { record, verdict: { kind: 'tombstone' } }
  const schemaId = schemaIdOf(record.value)
  if (schemaId === null) {
    return { record, verdict: { kind: 'bad', code: 'NOT_WIRE_FORMAT', reason: 'test', schemaId: null } }
  }
  return { record, verdict: { kind: 'event', schemaId, payloadStart: HEADER_BYTES } }
}

/** A range over records and the given gaps. */
export function rangeOf(
  partition: PartitionRef,
  records: readonly SourceRecord[],
  gaps: readonly Gap[] = [],
): Range {
  const edges = [...records.map((r) => r.offset), ...gaps.flatMap((g) => [g.first, g.last])].toSorted(
    (a, b) => Number(a - b),
  )
  const [first = 0n] = edges
  return {
    partition,
    first,
    last: edges.at(-1) ?? first,
    records: records.map(checked),
    gaps,
    bytes: records.reduce((sum, r) => sum + (r.key?.length ?? 0) + (r.value?.length ?? 0), 0),
  }
}
