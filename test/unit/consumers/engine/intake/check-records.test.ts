import { expect, it, test } from 'vitest'
import type {
  CheckedRecord,
  Range,
  RecordBatchBytes,
  Sink,
} from '../../../../../consumers/engine/contracts.ts'
import { type CheckAllOptions, checkAll } from '../../../../../consumers/engine/intake/check-records.ts'
import {
  BARE_RECORD_BYTES,
  BATCH_COPIES,
  LEAST_EVENT_BYTES,
  totalBytes,
} from '../../../../../consumers/engine/range.ts'
import { SourceRecord } from '../../../../../consumers/engine/source-record.ts'
import { changedSink } from '../../../../support/fakes/changed-sink.ts'
import { badValue, FakeChecker, goodValue } from '../../../../support/fakes/fake-checker.ts'
import { batchesOf } from '../../../../support/kafka/topic-bytes.ts'
import { batchOfRecords } from '../../../../support/raw-produce.ts'
import { EngineBench } from '../bench.ts'

const checker = new FakeChecker()
const sink = { keepsBadRecords: false }

function records(kinds: string, first = 0n): SourceRecord[] {
  return [...kinds].map((kind, i) => {
    const value = kind === 'g' ? goodValue(1) : badValue(1)
    return SourceRecord.of({ offset: first + BigInt(i), appendTime: 1_000, key: null, value })
  })
}

/** Batches of so many records each. */
function batches(...sizes: readonly number[]): RecordBatchBytes[] {
  let base = 0n
  const log = sizes.map((size) => {
    const batch = batchOfRecords(Array(size).fill({ value: Buffer.alloc(40) }), 'none', base)
    base += BigInt(size)
    return batch
  })
  return batchesOf(Buffer.concat(log))
}

const partition = { topic: 't', topicId: 'id', partition: 0 }
const check = (options: Omit<CheckAllOptions, 'partition'>) => checkAll({ partition, ...options }).records

const listed = (checked: readonly CheckedRecord[]) =>
  checked.map(({ batch }) => batch?.bad.map(({ offset }) => Number(offset)))

it('lists all bad records of a batch before the first is handed on, and shares the batch among them', () => {
  const checked = check({
    records: records('gbbgb' + 'gg' + 'b'),
    batches: batches(5, 2, 1),
    checker,
    sink,
  })
  const first = [1, 2, 4]
  expect(listed(checked)).toEqual([undefined, first, first, undefined, first, undefined, undefined, [7]])
  expect(checked[1]?.batch).toBe(checked[4]?.batch)
  expect(checked[1]?.batch).toMatchObject({ first: 0n, last: 4n, isWhole: false })
})

it('keeps of a bad record its place alone, and of its batch a copy', () => {
  const [batch] = batches(3)
  if (batch === undefined) throw new Error('no batch')
  const [, bad, good] = check({ records: records('bbg'), batches: [batch], checker, sink })
  expect(bad?.record).toMatchObject({ offset: 1n, appendTime: 1_000, key: null, value: null, size: 0 })
  const before = Buffer.from(batch.bytes)
  batch.bytes.fill(0)
  expect(bad?.batch?.bytes).toEqual(before)
  expect(good?.record.value).not.toBeNull()
})

it('leaves bad records as they are for a sink that keeps them, and where their batch is not known', () => {
  const taken = records('bbb')
  for (const options of [
    { records: taken, batches: batches(3), checker, sink: {} },
    { records: taken, batches: [], checker, sink },
    { records: records('bb', 10n), batches: batches(3), checker, sink },
  ])
    for (const { record, batch } of check(options)) {
      expect(batch).toBeUndefined()
      expect(record.value).toEqual(badValue(1))
    }
})

it('takes the bytes of a batch that could not be taken apart from the record that stands for it', () => {
  const bytes = batchOfRecords(Array(9).fill({ value: Buffer.alloc(4) }), 'none', 20n)
  const fault = { code: 'OVERSIZED', reason: 'too large' } as const
  const record = SourceRecord.of({ offset: 20n, appendTime: 1, key: null, value: bytes, fault })
  for (const known of [batchesOf(bytes), []]) {
    const [checked] = check({ records: [record], batches: known, checker, sink })
    expect(checked?.batch).toMatchObject({
      first: 20n,
      last: 28n,
      isWhole: true,
      bytes,
      bad: [{ offset: 20n, ...fault }],
    })
    expect(checked?.record.value).toBeNull()
  }
})

it('counts a batch once in a range, and every bad record for something', () => {
  const known = batches(1_000)
  const checked = check({ records: records('b'.repeat(1_000)), batches: known, checker, sink })
  const batchBytes = BATCH_COPIES * (known[0]?.bytes.length ?? 0)
  expect(totalBytes(checked)).toBe(batchBytes + 1_000 * BARE_RECORD_BYTES)
  expect(totalBytes(checked.slice(500))).toBe(batchBytes + 500 * BARE_RECORD_BYTES)
})

function withoutBad(sink: Sink, seen: Range[]): Sink {
  return changedSink(sink, {
    keepsBadRecords: false,
    deliver: (deliveries, signal) => {
      seen.push(...deliveries.map(({ range }) => range))
      return sink.deliver(deliveries, signal)
    },
  })
}

test('a batch that is cut in two is the same in both ranges; its bytes count until they are delivered', async () => {
  const seen: Range[] = []
  const bench = new EngineBench({
    cut: { maxRows: 4, maxBytes: 1e9, maxAgeMs: 1_000 },
    sink: (sink) => withoutBad(sink, seen),
  })
  for (const kind of 'gbbgbgbg') bench.log().append(kind === 'g' ? goodValue(1) : badValue(1), 1_000)
  const hold = bench.failpoints.holdAt('effect.before')
  await bench.assign()
  const [batch] = batches(8)
  if (batch === undefined) throw new Error('no batch')
  await bench.fetch(0, 0n, undefined, [batch])
  await bench.pass(0)
  const good = 4 * LEAST_EVENT_BYTES
  expect(bench.engine.health().bufferedBytes).toBe(
    2 * BATCH_COPIES * batch.bytes.length + 4 * BARE_RECORD_BYTES + good,
  )
  hold.release()
  await bench.pass(2_000)
  expect(bench.stored()).toEqual(['0..3', '4..7'])
  const [one, two] = seen
  expect(one?.records[1]?.batch).toBe(two?.records[0]?.batch)
  expect(one?.records[1]?.batch?.bad.map(({ offset }) => offset)).toEqual([1n, 2n, 4n, 6n])
  expect(bench.engine.health().bufferedBytes).toBe(0)
})
