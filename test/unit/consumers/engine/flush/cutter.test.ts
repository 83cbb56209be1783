import { expect, test } from 'vitest'
import type { Range } from '../../../../../consumers/engine/contracts.ts'
import { goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench } from '../bench.ts'

const minute = (ms: number) => Math.floor(ms / 60_000)
const cut = { maxRows: 1_000, maxBytes: 1_000_000, maxAgeMs: 1_000 }

function filled(bench: EngineBench, count: number, appendTime = (_: number) => 1_000): EngineBench {
  for (let at = 0; at < count; at++) bench.log().append(goodValue(1, 'x'), appendTime(at))
  return bench
}

test('a range is cut at its rows, the rest by age', async () => {
  const bench = filled(new EngineBench({ cut: { ...cut, maxRows: 4 } }), 10)
  await bench.assign()
  await bench.fetch()
  await bench.pass(10)
  expect(bench.stored()).toEqual(['0..3', '4..7'])
  await bench.pass(1_000)
  expect(bench.stored()).toEqual(['0..3', '4..7', '8..9'])
})

test('a range never exceeds its bytes, but for one record alone', async () => {
  const bench = new EngineBench({ cut: { ...cut, maxBytes: 1_000 } })
  for (const length of [400, 400, 2_000, 400, 400, 400])
    bench.log().append(goodValue(1, 'x'.repeat(length)), 1_000)
  await bench.assign()
  await bench.fetch()
  await bench.pass(1_500)
  expect(bench.stored()).toEqual(['0..1', '2..2', '3..4', '5..5'])
})

test('a boundary between append times is never inside a range', async () => {
  const bench = filled(
    new EngineBench({
      cut: { ...cut, boundary: (first, next) => minute(first.appendTime) !== minute(next.appendTime) },
    }),
    6,
    (at) => (at < 4 ? 59_000 : 61_000),
  )
  await bench.assign()
  await bench.fetch()
  await bench.pass(1_500)
  expect(bench.stored()).toEqual(['0..3', '4..5'])
})

test('the age counts from the first record of the range', async () => {
  const bench = filled(new EngineBench({ cut }), 2)
  await bench.assign()
  await bench.fetch(0, 0n, 0n)
  await bench.pass(900)
  await bench.fetch(0, 1n, 1n)
  expect(bench.stored()).toEqual([])
  await bench.pass(150)
  expect(bench.stored()).toEqual(['0..1'])
})

test('while the sink is busy an old range grows on', async () => {
  const bench = filled(new EngineBench({ cut }), 3)
  const hold = bench.failpoints.holdAt('effect.before')
  await bench.assign()
  await bench.fetch(0, 0n, 0n)
  await bench.pass(1_000)
  await bench.fetch(0, 1n, 1n)
  await bench.pass(1_500)
  await bench.fetch(0, 2n, 2n)
  hold.release()
  await bench.pass(0)
  expect(bench.stored()).toEqual(['0..0', '1..2'])
})

test('trailing gaps are committed, and listed by the next range', async () => {
  const bench = filled(new EngineBench({ cut }), 2)
  bench.log().appendGap('control')
  bench.log().appendGap('control')
  await bench.assign()
  await bench.fetch()
  await bench.pass(1_500)
  expect(bench.stored()).toEqual(['0..1'])
  expect(bench.committed()).toBe(4n)
  bench.log().append(goodValue(1), 1_000)
  await bench.fetch(0, 4n)
  await bench.pass(1_500)
  expect(bench.stored()).toEqual(['0..1', '2..4'])
  expect(bench.store.ranges(bench.log().partition)[1]?.gaps).toEqual([
    { first: 2n, last: 3n, reason: 'control' },
  ])
  expect(bench.committed()).toBe(5n)
})

test('gaps alone never make a range, and move the committed position', async () => {
  const bench = new EngineBench({ cut })
  for (let at = 0; at < 5; at++) bench.log().appendGap('aborted')
  await bench.assign()
  await bench.fetch()
  await bench.pass(2_000)
  expect(bench.stored()).toEqual([])
  expect(bench.committed()).toBe(5n)
})

test('offsets that neither a record nor a gap explains stop the partition', async () => {
  const bench = filled(new EngineBench({ cut }), 10)
  await bench.assign()
  await bench.fetch(0, 0n, 3n)
  await bench.fetch(0, 6n)
  expect(bench.stopCode()).toBe('DAYBOOK_ENGINE_LOG_LOST')
  expect(bench.stopErrors[0]).toMatchObject({ details: { first: 4n, last: 5n } })
  await bench.pass(100)
  expect(bench.stored()).toEqual(['0..3'])
  expect(bench.engine.health().bufferedBytes).toBe(0)
})

test('a batch that comes again is dropped', async () => {
  const bench = filled(new EngineBench({ cut: { ...cut, maxRows: 3 } }), 6)
  await bench.assign()
  await bench.fetch()
  await bench.fetch(0, 2n)
  await bench.pass(1_500)
  expect(bench.stored()).toEqual(['0..2', '3..5'])
})

test.each([
  [1, [['0'], ['1']]],
  [0.5, [['0', '1']]],
])(
  'with a gather ratio of %d, ranges of nearly the same age share deliveries so: %j',
  async (gatherAgeRatio, shared) => {
    const sent: string[][] = []
    const observer = {
      deliveryStarted: (ranges: readonly Range[]) =>
        void sent.push(ranges.map((range) => String(range.partition.partition))),
    }
    const bench = new EngineBench({ cut, observer, partitions: 3, limits: { gatherAgeRatio } })
    for (const log of bench.logs) log.append(goodValue(1), 1_000)
    await bench.assign()
    await bench.fetch(0)
    await bench.pass(400)
    await bench.fetch(1)
    await bench.pass(200)
    await bench.fetch(2)
    await bench.pass(gatherAgeRatio === 1 ? 850 : 450)
    expect(sent).toEqual(shared)
    await bench.pass(1_000)
    expect(bench.stored(2)).toEqual(['0..0'])
  },
)

test('while the sink is idle, what is worth a delivery is cut at once, in all partitions', async () => {
  const bench = new EngineBench({
    cut,
    partitions: 2,
    limits: { idleFlushBytes: 1_500, earlyFlushBytes: 1_500 },
  })
  const hold = bench.failpoints.holdAt('effect.before')
  for (const log of bench.logs)
    for (let at = 0; at < 4; at++) log.append(goodValue(1, 'x'.repeat(494)), 1_000)
  await bench.assign()
  await bench.fetch(0, 0n, 1n)
  await bench.pass(0)
  expect(bench.engine.health().bufferedBytes).toBeLessThan(1_500)
  await bench.fetch(1, 0n, 0n)
  await bench.fetch(1, 1n, 3n)
  await bench.fetch(0, 2n, 3n)
  hold.release()
  await bench.pass(0)
  expect([bench.stored(0), bench.stored(1)]).toEqual([
    ['0..1', '2..3'],
    ['0..0', '1..3'],
  ])
})

test('beside a delivery, more must be open before it is cut', async () => {
  const limits = { idleFlushBytes: 500, earlyFlushBytes: 1_500, concurrentDeliveries: 2 }
  const bench = new EngineBench({ cut, partitions: 2, limits })
  const hold = bench.failpoints.holdAt('effect.before')
  for (const log of bench.logs)
    for (let at = 0; at < 4; at++) log.append(goodValue(1, 'x'.repeat(494)), 1_000)
  await bench.assign()
  await bench.fetch(0, 0n, 0n)
  await bench.pass(0)
  await bench.fetch(1, 0n, 0n)
  await bench.pass(0)
  await bench.fetch(1, 1n, 3n)
  hold.release()
  await bench.pass(0)
  expect([bench.stored(0), bench.stored(1)]).toEqual([['0..0'], ['0..3']])
})

test('where memory is short, less is worth a delivery, and partitions at their share still share one', async () => {
  const bench = new EngineBench({
    cut,
    partitions: 3,
    limits: {
      ...{ idleFlushBytes: 8_000, earlyFlushBytes: 16_000, concurrentDeliveries: 2 },
      ...{ memoryBytes: 16_000, memoryLowBytes: 8_000 },
    },
  })
  const hold = bench.failpoints.holdAt('effect.before')
  for (const log of bench.logs)
    for (let at = 0; at < 20; at++) log.append(goodValue(1, 'x'.repeat(494)), 1_000)
  await bench.assign()
  // The first delivery leaves 8,000 to all others: 4,000 are worth one beside it.
  await bench.fetch(0, 0n, 15n)
  for (const [first, last] of [
    [0n, 1n],
    [2n, 3n],
    [4n, 5n],
  ] as const)
    for (const partition of [1, 2]) await bench.fetch(partition, first, last)
  hold.release()
  await bench.pass(0)
  expect([bench.stored(0), bench.stored(1), bench.stored(2)]).toEqual([['0..15'], ['0..3'], ['0..3']])
})

test('a batch larger than all memory goes on before anything grows old, where ranges are flushed early', async () => {
  const MIB = 1024 * 1024
  const bench = new EngineBench({
    cut: { maxRows: 1_000, maxBytes: 1_000 * MIB, maxAgeMs: 1_000_000 },
    partitions: 2,
    limits: {
      ...{ idleFlushBytes: 12 * MIB, earlyFlushBytes: 36 * MIB, concurrentDeliveries: 2 },
      ...{ memoryBytes: 8 * MIB, memoryLowBytes: 4 * MIB },
    },
  })
  for (let at = 0; at < 20; at++) bench.log(1).append(goodValue(1, 'x'.repeat(MIB)), 1_000)
  await bench.assign()
  const taken = bench.fetch(1)
  await bench.pass(100)
  await taken
  const [last] = bench.stored(1).slice(-1)
  expect(Number(last?.split('..')[1])).toBeGreaterThan(14)
})
