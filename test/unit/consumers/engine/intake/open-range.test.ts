import { expect, it } from 'vitest'
import { OpenRange } from '../../../../../consumers/engine/intake/open-range.ts'
import { SourceRecord } from '../../../../../consumers/engine/source-record.ts'

const partition = { topic: 't', topicId: '0b2e8a1c-1111-4222-8333-444455556666', partition: 0 }

function record(offset: bigint) {
  const made = SourceRecord.of({ offset, appendTime: 1, key: null, value: null })
  return { record: made, verdict: { kind: 'tombstone' } as const }
}

it('transactions that are aborted without end add no gap each, and every offset stays accounted for', () => {
  const range = new OpenRange(partition, 0n)
  for (let offset = 0n; offset < 100_000n; offset += 2n) {
    range.addGap({ first: offset, last: offset, reason: 'aborted' })
    range.addGap({ first: offset + 1n, last: offset + 1n, reason: 'control' })
  }
  range.addGap({ first: 100_000n, last: 100_000n, reason: 'lost_accepted' })
  range.addRecord(record(100_001n))
  range.addGap({ first: 100_002n, last: 100_002n, reason: 'control' })
  range.addRecord(record(100_003n))
  const gaps = range.cut()?.gaps ?? []
  expect(gaps.length).toBe(10_002)
  expect(gaps.slice(0, 2).map(({ reason }) => reason)).toEqual(['aborted', 'control'])
  expect(gaps.slice(-3)).toEqual([
    { first: 9_999n, last: 99_999n, reason: 'aborted' },
    { first: 100_000n, last: 100_000n, reason: 'lost_accepted' },
    { first: 100_002n, last: 100_002n, reason: 'control' },
  ])
})
