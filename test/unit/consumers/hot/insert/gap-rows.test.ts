import { expect, it } from 'vitest'
import type { BadRecordCode, CheckedRecord } from '../../../../../consumers/engine/contracts.ts'
import { SourceRecord } from '../../../../../consumers/engine/source-record.ts'
import { hotGaps } from '../../../../../consumers/hot/insert/gap-rows.ts'
import { eventRecord, RECEIVED_AT, rangeOf, uuidAt } from '../../../../support/hot/events.ts'

const partition = { topic: 't', topicId: '0b2e8a1c-1111-4222-8333-444455556666', partition: 0 }

function bad(offset: bigint, code: BadRecordCode): CheckedRecord {
  const record = SourceRecord.of({ offset, appendTime: RECEIVED_AT, key: null, value: null })
  return { record, verdict: { kind: 'bad', code, reason: 'test', schemaId: null } }
}

it('bad records that follow each other are one row, whatever is wrong with each', () => {
  const codes: BadRecordCode[] = ['MALFORMED', 'UNKNOWN_SCHEMA', 'NOT_WIRE_FORMAT']
  const flood = Array.from({ length: 3_000 }, (_, i) => bad(BigInt(i), codes[i % 3] ?? 'MALFORMED'))
  const event = eventRecord(3_000n, RECEIVED_AT, { id: uuidAt(RECEIVED_AT, 1) })
  const gap = { first: 3_002n, last: 3_009n, reason: 'quarantined' } as const
  const gaps = hotGaps(rangeOf(partition, [...flood, event, bad(3_001n, 'OVERSIZED')], [gap]))
  const note = 'MALFORMED,UNKNOWN_SCHEMA,NOT_WIRE_FORMAT'
  expect(gaps).toEqual([
    { first: 0n, last: 2_999n, reason: 'quarantined', note },
    { first: 3_001n, last: 3_009n, reason: 'quarantined', note: 'OVERSIZED' },
  ])
})
