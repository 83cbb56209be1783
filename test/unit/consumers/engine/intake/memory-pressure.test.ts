import { expect, test } from 'vitest'
import type { EngineLimits } from '../../../../../consumers/engine/options.ts'
import { changedSink } from '../../../../support/fakes/changed-sink.ts'
import { goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench, unavailable } from '../bench.ts'

const cut = { maxRows: 1_000, maxBytes: 1_000_000, maxAgeMs: 1_000_000 }
/** Large enough that each counts with its bytes. */
const VALUE = goodValue(1, 'x'.repeat(794))
const limits = { memoryBytes: 16_000, memoryLowBytes: 6_400 }
const MIB = 1024 * 1024

function bench(partitions: number, memoryBytes = 16_000): EngineBench {
  const made = new EngineBench({ cut, limits: { ...limits, memoryBytes }, partitions })
  for (const log of made.logs) for (let at = 0; at < 10; at++) log.append(VALUE, 1_000)
  return made
}

/** 4 MiB of memory, for records of megabytes. */
function largeBench(
  partitions: number,
  more: Partial<EngineLimits> = {},
  maxAgeMs = cut.maxAgeMs,
): EngineBench {
  return new EngineBench({
    cut: { ...cut, maxBytes: 64 * MIB, maxAgeMs },
    limits: { memoryBytes: 4 * MIB, memoryLowBytes: 2 * MIB, ...more },
    partitions,
  })
}

test('at the cap the largest open range is cut and delivered, smaller ones stay open', async () => {
  const made = bench(2)
  await made.assign()
  await made.fetch(0, 0n, 3n)
  await made.fetch(1, 0n, 9n)
  await made.fetch(0, 4n, 9n)
  expect(made.stored()).toEqual([])
  await made.pass(0)
  expect(made.stored(1)).toEqual(['0..9'])
  expect(made.engine.health().bufferedBytes).toBeLessThanOrEqual(8_000)
})

test('fetching is paused where memory is full, and resumed below the low-water mark', async () => {
  const made = bench(2, 12_800)
  const hold = made.failpoints.holdAt('effect.before')
  await made.assign()
  await made.fetch(0)
  await made.fetch(1)
  expect(made.source.paused.size).toBe(2)
  expect(made.engine.health().partitions[0]?.paused).toContain('memory')
  hold.release()
  await made.pass(0)
  expect(made.source.paused.size).toBe(0)
})

test('a batch that comes while memory is full waits until there is room', async () => {
  const made = bench(3, 12_800)
  const hold = made.failpoints.holdAt('effect.before')
  await made.assign()
  await made.fetch(0)
  await made.fetch(1)
  let taken = false
  const late = made.fetch(2).then(() => {
    taken = true
  })
  await made.pass(1_000)
  expect(taken).toBe(false)
  expect(made.engine.health().bufferedBytes).toBe(16_000)
  hold.release()
  await late
  expect(taken).toBe(true)
})

test('a partition that holds and sends little goes on where others have filled the memory', async () => {
  const made = new EngineBench({
    cut: { ...cut, maxAgeMs: 1_000 },
    limits: { memoryBytes: 150_000, memoryLowBytes: 64_000, concurrentDeliveries: 2 },
    partitions: 3,
    sink: (sink) =>
      changedSink(sink, {
        isSlow: ({ partition }) => partition.partition < 2,
        deliver: (deliveries, signal) =>
          deliveries.some(({ range }) => range.partition.partition < 2)
            ? new Promise(() => undefined)
            : sink.deliver(deliveries, signal),
      }),
  })
  for (const number of [0, 1]) for (let at = 0; at < 125; at++) made.log(number).append(VALUE, 1_000)
  await made.assign()
  for (const number of [0, 1]) await made.fetch(number)
  await made.pass(1_000)
  // More than there is for all of them.
  expect(made.engine.health().bufferedBytes).toBe(200_000)
  made.log(2).append(goodValue(1, 'x'.repeat(100)), 1_000)
  void made.fetch(2)
  await made.pass(1_500)
  expect(made.stored(2)).toEqual(['0..0'])
  expect(made.source.paused).toEqual(new Set(['id-audit/0', 'id-audit/1']))
})

/** The store refuses what these partitions deliver, as long as they are in `failing`. */
function failingBench(
  partitions: number,
  failing: ReadonlySet<number>,
  maxAgeMs = cut.maxAgeMs,
): EngineBench {
  const made = new EngineBench({
    cut: { ...cut, maxAgeMs },
    limits: { ...limits, memoryLowBytes: 1_600, deliveryRanges: 1 },
    partitions,
    sink: (sink) =>
      changedSink(sink, {
        deliver: async (deliveries, signal) => {
          const number = deliveries[0]?.range.partition.partition ?? -1
          if (failing.has(number)) made.failpoints.failAt('send.before')
          return sink.deliver(deliveries, signal)
        },
      }),
  })
  for (const log of made.logs) for (let at = 0; at < 10; at++) log.append(VALUE, 1_000)
  return made
}

test('a partition that waits for the store does not keep the others paused', async () => {
  const made = failingBench(2, new Set([0]))
  for (let at = 0; at < 6; at++) made.log(1).append(VALUE, 1_000)
  await made.assign()
  await made.fetch(0)
  await made.fetch(1)
  // Together they have filled the memory; what is left then is that of the failing one, more than the low-water mark.
  expect(made.engine.health().partitions[1]?.paused).toContain('memory')
  await made.pass(300)
  expect(made.stored(1)).toEqual(['0..15'])
  expect(made.engine.health().bufferedBytes).toBe(8_000)
  expect(made.source.paused).toEqual(new Set(['id-audit/0']))
})

test('a partition whose deliveries fail takes in no more before one succeeds', async () => {
  const failing = new Set([0])
  const made = failingBench(1, failing, 1_000)
  const resume = made.source.resume.bind(made.source)
  let resumed = 0
  made.source.resume = (partitions) => {
    resumed += 1
    resume(partitions)
  }
  await made.assign()
  // Less than its share: nothing else keeps it from taking in more.
  await made.fetch(0, 0n, 3n)
  await made.pass(1_000)
  resumed = 0
  for (let waited = 0; waited < 20; waited++) {
    await made.pass(500)
    expect(made.engine.health().partitions[0]?.paused).toEqual(['backoff'])
    expect(made.source.paused).toEqual(new Set(['id-audit/0']))
  }
  expect(resumed).toBe(0)
  failing.clear()
  await made.pass(3_000)
  expect(made.stored(0)).toEqual(['0..3'])
  expect(made.source.paused).toEqual(new Set())
})

test('what waits for room counts nothing once its partition is another generation', async () => {
  const made = largeBench(2, {}, 1_000)
  made.log(0).append(goodValue(1, 'x'.repeat(2.8 * MIB)), 1_000)
  made.log(1).append(goodValue(1, 'x'.repeat(2.5 * MIB)), 1_000)
  await made.assign()
  const hold = made.failpoints.holdAt('effect.before')
  await made.fetch(0)
  await made.pass(1_100)
  const late = made.fetch(1)
  await made.pass(10)
  const again = made.assign()
  hold.release()
  await Promise.all([again, late])
  await made.pass(5_000)
  expect(made.engine.health().bufferedBytes).toBe(0)
  await made.fetch(1)
  await made.pass(5_000)
  expect(made.stored(1)).toEqual(['0..0'])
})

test('a partition whose store does not even say what it holds leaves room to the others', async () => {
  let isAway = false
  const made = new EngineBench({
    cut: { ...cut, maxAgeMs: 1_000 },
    limits: { ...limits, deliveryRanges: 1 },
    partitions: 2,
    sink: (sink) =>
      changedSink(sink, {
        claim: async (partition, signal) => {
          const claim = await sink.claim(partition, signal)
          if (partition.partition !== 0) return claim
          return { partition, tip: () => (isAway ? Promise.reject(unavailable()) : claim.tip()) }
        },
        deliver: async (deliveries, signal) => {
          if (deliveries.every(({ range }) => range.partition.partition !== 0))
            return sink.deliver(deliveries, signal)
          isAway = true
          throw unavailable()
        },
      }),
  })
  made.log(0).append(goodValue(1, 'x'.repeat(20_400)), 1_000)
  for (let at = 0; at < 10; at++) made.log(1).append(VALUE, 1_000)
  await made.assign()
  await made.fetch(0)
  await made.pass(1_500)
  const other = made.fetch(1)
  await made.pass(20_000)
  await other
  await made.pass(2_000)
  expect(made.stored(1)).toEqual(['0..9'])
  expect(made.engine.health().partitions[0]?.stopped?.code).toBe('DAYBOOK_ENGINE_GAVE_WAY')
})

test('partitions whose deliveries fail leave room for the others, however many they are', async () => {
  const made = failingBench(3, new Set([0, 1]))
  for (const number of [0, 1]) for (let at = 0; at < 20; at++) made.log(number).append(VALUE, 1_000)
  await made.assign()
  // Each hands over in steps until it is paused.
  for (const number of [0, 1])
    for (let at = 0; at < 30 && !made.source.paused.has(`id-audit/${number}`); at++) {
      await made.fetch(number, BigInt(at), BigInt(at))
      await made.pass(0)
    }
  expect(made.source.paused).toEqual(new Set(['id-audit/0', 'id-audit/1']))
  await made.fetch(2)
  await made.pass(5_000)
  expect(made.stored(2)).toEqual(['0..9'])
  expect(made.stored(0)).toEqual([])
})

test('a partition that has its share is cut and waits, while the others go on', async () => {
  const made = bench(2)
  const hold = made.failpoints.holdAt('effect.before')
  await made.assign()
  for (let at = 0; at < 10; at++) made.log(0).append(VALUE, 1_000)
  await made.fetch(0, 0n, 14n)
  const late = made.fetch(0, 15n, 19n)
  await made.pass(0)
  expect(made.source.paused).toEqual(new Set(['id-audit/0']))
  expect(made.engine.health()).toMatchObject({
    bufferedBytes: 12_000,
    partitions: [{ paused: ['share'] }, {}],
  })
  await made.fetch(1, 0n, 3n)
  expect(made.engine.health().bufferedBytes).toBe(15_200)
  hold.release()
  await late
  await made.pass(0)
  expect(made.source.paused).toEqual(new Set())
})

test('a batch that is larger than what its partition may hold is taken in as room comes, the others with it', async () => {
  const made = largeBench(2, {}, 1_000)
  const hold = made.failpoints.holdAt('effect.before')
  for (let at = 0; at < 16; at++) made.log(0).append(goodValue(1, 'x'.repeat(MIB / 2)), 1_000)
  made.log(1).append(goodValue(1), 1_000)
  await made.assign()
  let taken = false
  const large = made.fetch(0).then(() => {
    taken = true
  })
  await made.pass(100)
  expect(taken).toBe(false)
  expect(made.engine.health().bufferedBytes).toBeLessThan(4 * MIB)
  await made.fetch(1)
  hold.release()
  await large
  await made.pass(2_000)
  expect([made.stored(1), made.committed(0)]).toEqual([['0..0'], 16n])
})

test('a partition that has taken all there is and fails again and again gives it back, and is read again', async () => {
  const made = failingBench(2, new Set([0]))
  // One batch of bad records may be far larger than what there is.
  made.log(0).append(goodValue(1, 'x'.repeat(20_400)), 1_000)
  await made.assign()
  await made.fetch(0)
  const waiting = made.fetch(1)
  await made.pass(100)
  expect(made.stopCode(0)).toBe(undefined)
  await made.pass(5_000)
  await waiting
  expect(made.engine.health().bufferedBytes).toBe(8_000)
  expect([made.stopCode(0), made.stopCode(1)]).toEqual(['DAYBOOK_ENGINE_GAVE_WAY', undefined])
  expect(made.engine.health().alive).toBe(true)
})

test('while something is to be delivered, nothing more is cut: ranges stay as large as there is memory for', async () => {
  const made = bench(4)
  const hold = made.failpoints.holdAt('effect.before')
  for (const log of made.logs) for (let at = 0; at < 10; at++) log.append(VALUE, 1_000)
  await made.assign()
  await made.fetch(0, 0n, 14n)
  await made.pass(0)
  for (const [first, last] of [
    [0n, 0n],
    [1n, 1n],
  ] as const)
    for (const partition of [1, 2]) await made.fetch(partition, first, last)
  const late = made.fetch(3, 0n, 1n)
  await made.pass(0)
  expect(made.engine.health().bufferedBytes).toBeGreaterThan(15_200)
  hold.release()
  await late
  await made.pass(0)
  expect(made.stored(0)).toEqual(['0..14'])
  for (const partition of [1, 2, 3]) expect(made.stored(partition)).toEqual([])
})

test('a record that would fill the memory waits for what is there, the records of others do not', async () => {
  const made = largeBench(3, { concurrentDeliveries: 2 })
  const hold = made.failpoints.holdAt('effect.before')
  for (const log of [made.log(0), made.log(1)]) log.append(goodValue(1, 'x'.repeat(3 * MIB)), 1_000)
  for (let at = 0; at < 4; at++) made.log(2).append(goodValue(1), 1_000)
  await made.assign()
  await made.fetch(0)
  const late = made.fetch(1)
  await made.pass(100)
  expect(made.engine.health().bufferedBytes).toBeLessThan(4 * MIB)
  await made.fetch(2)
  expect([...made.source.paused].filter((key) => key.endsWith('/2'))).toEqual([])
  hold.release()
  await late
  await made.pass(100)
  expect([made.stored(0), made.stored(1)]).toEqual([['0..0'], ['0..0']])
})

test('it does not wait for ever where the others are never done', async () => {
  const made = largeBench(2)
  made.failpoints.holdAt('effect.before')
  for (const log of made.logs) log.append(goodValue(1, 'x'.repeat(2.5 * MIB)), 1_000)
  await made.assign()
  await made.fetch(0)
  const late = made.fetch(1)
  await made.pass(4_000)
  expect(made.engine.health().bufferedBytes).toBeLessThan(3 * MIB)
  await made.pass(2_000)
  await late
  expect(made.engine.health().bufferedBytes).toBeGreaterThan(5 * MIB)
})

test('a delivery that hangs does not keep what others have taken in from being cut', async () => {
  const hangs = Promise.withResolvers<void>()
  const made = new EngineBench({
    cut,
    limits: { ...limits, concurrentDeliveries: 2 },
    partitions: 2,
    sink: (sink) =>
      changedSink(sink, {
        deliver: async (deliveries, signal) => {
          if (deliveries.some(({ range }) => range.partition.partition === 0)) await hangs.promise
          return sink.deliver(deliveries, signal)
        },
      }),
  })
  for (const log of made.logs) for (let at = 0; at < 15; at++) log.append(VALUE, 1_000)
  await made.assign()
  await made.fetch(0, 0n, 14n)
  await made.pass(1_000)
  const late = made.fetch(1, 0n, 9n)
  await made.pass(900)
  expect(made.stored(1)).toEqual([])
  await made.pass(1_500)
  expect(made.stored(1)).not.toEqual([])
  hangs.resolve()
  await made.pass(100)
  await late
  expect(made.stored(0)).toEqual(['0..14'])
})
