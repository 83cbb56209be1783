import { expect, test } from 'vitest'
import type { Unsettled } from '../../../../../consumers/engine/contracts.ts'
import { FakeChecker, goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench } from '../bench.ts'

const cases: readonly [string, Unsettled, string][] = [
  [
    'that only the second reader takes',
    { kind: 'disputed', schemaId: 9, reason: 'a length' },
    'DAYBOOK_ENGINE_DECODE_REGRESSION',
  ],
  [
    'of a schema that the store has no place for',
    { kind: 'newer', schemaId: 9 },
    'DAYBOOK_SCHEMA_NEWER_THAN_WORKER',
  ],
]
test.each(cases)(
  'a record %s stops its partition; what is before it is stored, it and what follows are not',
  async (_name, verdict, code) => {
    const known = new FakeChecker()
    const bench = new EngineBench({
      checker: {
        prepare: () => known.prepare(),
        check: (record) => (record.value?.readUInt32BE(1) === 9 ? verdict : known.check(record)),
      },
    })
    bench.log().append(goodValue(1), 1_000)
    bench.log().append(goodValue(9), 1_000)
    bench.log().append(goodValue(1), 1_000)
    await bench.assign()
    await bench.fetch()
    await bench.pass(1_500)
    expect(bench.crashCode()).toBeUndefined()
    expect(bench.stopCode()).toBe(code)
    expect(bench.stored()).toEqual(['0..0'])
  },
)

test('the checker is told how far the log stood', async () => {
  const known = new FakeChecker()
  const told: unknown[] = []
  const bench = new EngineBench({
    checker: {
      prepare: async (_records, position) => {
        told.push(position?.highWatermark)
      },
      check: (record) => known.check(record),
    },
  })
  bench.log().append(goodValue(1), 1_000)
  bench.log().append(goodValue(1), 1_000)
  await bench.assign()
  await bench.fetch()
  expect(told).toEqual([2n])
})
