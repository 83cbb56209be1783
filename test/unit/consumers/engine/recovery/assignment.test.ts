import { expect, test } from 'vitest'
import type { Range } from '../../../../../consumers/engine/contracts.ts'
import { badValue, FakeChecker, goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench } from '../bench.ts'

const checker = new FakeChecker()

/** A bench whose log has `count` events, of which the store holds the first `held`. */
function benchWith(count: number, held: number): EngineBench {
  const bench = new EngineBench()
  const log = bench.log()
  for (let at = 0; at < count; at++) log.append(goodValue(1, `event ${at}`), 1_000 + at)
  if (held > 0) hold(bench, held)
  return bench
}

function hold(bench: EngineBench, held: number): void {
  const log = bench.log()
  const records = Array.from({ length: held }, (_, at) => {
    const record = log.recordAt(BigInt(at))
    if (record === null) throw new RangeError('no record')
    return { record, verdict: checker.check(record) }
  })
  const last = BigInt(held) - 1n
  const range: Range = { partition: log.partition, first: 0n, last, records, gaps: [], bytes: 0 }
  bench.store.apply(bench.store.begin(1n, [range]))
}

const position = (positions: ReadonlyMap<string, bigint>) => positions.get('id-audit/0')

test('begins at the store tip whatever was committed, and reads its last record again', async () => {
  const bench = benchWith(10, 5)
  expect(position(await bench.assign())).toBe(4n)
  await bench.fetch(0, 4n)
  await bench.pass(1_500)
  expect(bench.stored()).toEqual(['0..4', '5..9'])
})

test('a store that never saw the partition begins at 0', async () => {
  const bench = benchWith(3, 0)
  expect(position(await bench.assign())).toBe(0n)
})

test('records that retention took before delivery stop the partition', async () => {
  const bench = benchWith(10, 5)
  bench.log().truncateBefore(7n)
  expect(position(await bench.assign())).toBe(undefined)
  expect(bench.stopCode()).toBe('DAYBOOK_ENGINE_LOG_LOST')
  expect(bench.engine.health()).toMatchObject({ healthy: false, alive: true, state: 'running' })
  // What the store holds is known, and lag is told from there.
  await bench.pass(100)
  expect(bench.committed()).toBe(5n)
})

test('an accepted loss is listed in the next range', async () => {
  const bench = benchWith(10, 5)
  bench.log().truncateBefore(7n)
  bench.store.acceptLoss(bench.log().partition, 6n)
  expect(position(await bench.assign())).toBe(7n)
  await bench.fetch(0, 7n)
  await bench.pass(1_500)
  expect(bench.stored()).toEqual(['0..4', '5..9'])
  expect(bench.store.ranges(bench.log().partition)[1]?.gaps).toEqual([
    { first: 5n, last: 6n, reason: 'lost_accepted' },
  ])
})

test('a loss that was accepted only in part still stops the partition', async () => {
  const bench = benchWith(10, 5)
  bench.log().truncateBefore(8n)
  bench.store.acceptLoss(bench.log().partition, 6n)
  await bench.assign()
  expect(bench.stopCode()).toBe('DAYBOOK_ENGINE_LOG_LOST')
})

test('a tip beyond the log stops the partition', async () => {
  const bench = benchWith(10, 8)
  bench.log().truncateFrom(6n)
  await bench.assign()
  expect(bench.stopCode()).toBe('DAYBOOK_ENGINE_TIP_BEYOND_LOG')
})

test('a log that grew after its bounds were asked for is no contradiction', async () => {
  const bench = benchWith(10, 8)
  expect(position(await bench.assign({ logEnd: 6n }))).toBe(7n)
})

test('another record at the tip stops the partition', async () => {
  const bench = benchWith(10, 5)
  bench.log().truncateFrom(4n)
  for (let at = 4; at < 10; at++) bench.log().append(goodValue(1, `other ${at}`), 1_000)
  await bench.assign()
  await bench.fetch(0, 4n)
  expect(bench.stopCode()).toBe('DAYBOOK_ENGINE_TIP_CONTRADICTED')
  expect(bench.stored()).toEqual(['0..4'])
})

test('no record at the tip stops the partition', async () => {
  const bench = benchWith(10, 5)
  bench.log().truncateFrom(4n)
  bench.log().appendGap('control')
  bench.log().append(goodValue(1), 1_000)
  await bench.assign()
  await bench.fetch(0, 4n)
  expect(bench.stopCode()).toBe('DAYBOOK_ENGINE_TIP_CONTRADICTED')
})

test('a record at the tip that was lost with what an operator has accepted does not', async () => {
  const bench = benchWith(10, 5)
  bench.log().truncateFrom(4n)
  bench.log().appendHole()
  bench.log().appendHole()
  bench.log().append(goodValue(1), 1_000)
  bench.store.acceptLoss(bench.log().partition, 5n)
  await bench.assign()
  await bench.fetch(0, 4n)
  await bench.pass(1_500)
  expect(bench.stopErrors).toEqual([])
  expect(bench.stored()).toEqual(['0..4', '5..6'])
})

test('a tip whose record is out of the log is taken as it is', async () => {
  const bench = benchWith(10, 5)
  bench.log().truncateBefore(5n)
  expect(position(await bench.assign())).toBe(5n)
  await bench.fetch(0, 5n)
  await bench.pass(1_500)
  expect(bench.stored()).toEqual(['0..4', '5..9'])
})

test('an event of the store that does not decode any more stops the partition', async () => {
  const bench = new EngineBench({
    checker: {
      prepare: async () => undefined,
      check: () => ({ kind: 'bad', code: 'MALFORMED', reason: 'broken decoder', schemaId: 1 }),
    },
  })
  for (let at = 0; at < 5; at++) bench.log().append(goodValue(1, `event ${at}`), 1_000)
  hold(bench, 3)
  await bench.assign()
  await bench.fetch(0, 2n)
  expect(bench.stopCode()).toBe('DAYBOOK_ENGINE_DECODE_REGRESSION')
})

test('a quarantined record at the tip that is bad again goes on', async () => {
  const bench = new EngineBench()
  bench.log().append(badValue(1), 1_000)
  bench.log().append(goodValue(1), 1_000)
  hold(bench, 1)
  await bench.assign()
  await bench.fetch(0, 0n)
  await bench.pass(1_500)
  expect(bench.stored()).toEqual(['0..0', '1..1'])
})
