import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SourceRecord } from '../../../../../consumers/engine/source-record.ts'
import { slices } from '../../../../../consumers/kafka/protocol/record-batch.ts'
import type { FetchedRecord } from '../../../../../consumers/kafka/protocol/record-reader.ts'
import { readQuarantineRecord } from '../../../../../consumers/kafka/quarantine/quarantine-entry.ts'
import { QUARANTINE_HEADER } from '../../../../../consumers/kafka/quarantine/quarantine-message.ts'
import { batchOfRecords } from '../../../../support/raw-produce.ts'

const topicId = '0b2e8a1c-1111-4222-8333-444455556666'

function fetched(
  key: Buffer | null,
  value: Buffer | null,
  headers: Record<string, Buffer | null>,
): FetchedRecord {
  const record = SourceRecord.of({ offset: 3n, appendTime: 1, key, value })
  return Object.assign(record, { headers: Object.entries(headers) })
}

function format1(changes: Record<string, string> = {}): FetchedRecord {
  const headers = {
    ...{ 'daybook-topic': 'audit.events.standard', 'daybook-topic-id': topicId, 'daybook-partition': '3' },
    ...{ 'daybook-offset': '12', 'daybook-append-time': '1700000000000', 'daybook-code': 'MALFORMED' },
    ...{ 'daybook-reason': 'cut off in actor.id', 'daybook-schema-id': '7', 'daybook-key': 'k', ...changes },
  }
  const bytes = Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)] as const)
  return fetched(Buffer.from('any'), Buffer.from('value'), Object.fromEntries(bytes))
}

it('reads the messages of format 1', () => {
  const read = readQuarantineRecord(format1())
  const [entry] = read.kind === 'entries' ? read.entries : []
  expect(entry).toMatchObject({
    partition: { topic: 'audit.events.standard', topicId, partition: 3 },
    ...{ first: 12n, last: 12n, kind: 'record', appendTime: 1_700_000_000_000, sizeBytes: 5, isWhole: false },
    ...{
      key: Buffer.from('k'),
      bytes: Buffer.from('value'),
      reference: null,
      bad: { count: 1, codes: ['MALFORMED'] },
    },
  })
  const malformed = { code: 'MALFORMED', reason: 'cut off in actor.id', schemaId: 7 }
  expect([...(entry?.bad.runs?.() ?? [])]).toEqual([{ first: 12n, last: 12n, ...malformed }])
  const whole = readQuarantineRecord(format1({ 'daybook-batch': 'whole' }))
  expect(whole).toMatchObject({ entries: [{ kind: 'batch', isWhole: true }] })
})

it('says of a header that no quarantine writes so that it is malformed, and of none of ours that it is foreign', () => {
  for (const [name, text] of [
    ['daybook-append-time', 'soon'],
    ['daybook-append-time', '8640000000000001'],
    ['daybook-partition', '2147483648'],
    ['daybook-offset', '9223372036854775808'],
    ['daybook-topic', 'no/topic'],
    ['daybook-topic-id', 'x'],
    ['daybook-code', 'not a code'],
    ['daybook-schema-id', '-1'],
  ] as const)
    expect(readQuarantineRecord(format1({ [name]: text })), `${name} ${text}`).toMatchObject({
      kind: 'malformed',
    })
  expect(readQuarantineRecord(fetched(null, null, {}))).toEqual({ kind: 'foreign' })
})

it('throws for nothing, and answers quickly, whatever key, value and headers are', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.constantFrom('0', '2', topicId, '{"count":1}', 'MALFORMED', '99999999999999999999'),
  )
  const bytes = fc.oneof(
    texts.map((text) => Buffer.from(text)),
    fc.uint8Array().map((one) => Buffer.from(one)),
  )
  const batch = fc.tuple(fc.nat({ max: 60 }), fc.nat({ max: 255 })).map(([at, value]) => {
    const made = batchOfRecords([{ value: Buffer.from('v') }], 'none', 5n)
    made[at] = value
    return made
  })
  const headers = fc.dictionary(fc.constantFrom(...Object.values(QUARANTINE_HEADER)), bytes)
  fc.assert(
    fc.property(
      fc.option(fc.oneof(bytes, fc.constant(Buffer.from('t:0:5')))),
      fc.option(fc.oneof(bytes, batch)),
      headers,
      fc.boolean(),
      (key, value, found, isOurs) => {
        const own = isOurs
          ? { 'daybook-topic-id': Buffer.from(topicId), 'daybook-bad': Buffer.from('{"count":1}') }
          : {}
        const read = readQuarantineRecord(fetched(key, value, { ...found, ...own }))
        if (read.kind !== 'entries') return
        for (const { appendTime, partition, first, last } of read.entries) {
          if (appendTime !== null) new Date(appendTime).toISOString()
          expect(partition.partition).toBeGreaterThanOrEqual(0)
          expect(last).toBeGreaterThanOrEqual(first)
        }
      },
    ),
    { numRuns: 2_000 },
  )
})

it('reads no more headers of a record than a few, however many it claims', () => {
  const headers = Array.from({ length: 10_000 }, () => ['', Buffer.alloc(0)] as const)
  const recordBatches = batchOfRecords([{ value: null, headers }, { value: Buffer.from('next') }], 'zstd')
  const limits = { maxSliceBytes: 1, maxBatchBytes: 1e6, from: 0n, aborted: [], withHeaders: true }
  const [slice] = slices({ topic: 't', partition: 0, recordBatches, ...limits })
  expect(slice?.records.map((record) => record.headers?.length)).toEqual([64, 0])
  expect(slice?.records[1]?.value?.toString()).toBe('next')
})
