import { expect, test } from 'vitest'
import type { Delivery, Range, RangeOutcome, Sink } from '../../../../../consumers/engine/contracts.ts'
import { DaybookError } from '../../../../../schemas/errors.ts'
import { changedSink } from '../../../../support/fakes/changed-sink.ts'
import { badValue, goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench, unavailable } from '../bench.ts'

const cut = { maxRows: 5, maxBytes: 1_000_000, maxAgeMs: 1_000 }
type Deliver = (deliveries: readonly Delivery[]) => Promise<readonly RangeOutcome[]>

/** A bench whose sink does `deliver` instead; it is given the real one. */
function benchWith(
  deliver: (real: Deliver) => Deliver,
  options: ConstructorParameters<typeof EngineBench>[0] = {},
): EngineBench {
  const wrap = (sink: Sink): Sink => {
    const wrapped = deliver((deliveries) => sink.deliver(deliveries, new AbortController().signal))
    return changedSink(sink, {
      deliver: (deliveries) => wrapped(deliveries),
    })
  }
  return new EngineBench({ cut, sink: wrap, ...options })
}

function fill(bench: EngineBench, count: number, partition = 0): void {
  for (let at = 0; at < count; at++) bench.log(partition).append(goodValue(1, `${at}`), 1_000)
}

const hasBad = ({ records }: Range) => records.some(({ verdict }) => verdict.kind === 'bad')

const summary = (deliveries: readonly Delivery[]) =>
  deliveries.map(({ range }) => `${range.partition.partition}:${range.first}..${range.last}`).join(' ')

test('a delivery whose answer was lost is found in the store and not repeated', async () => {
  const sent: string[] = []
  const bench = benchWith((real) => async (deliveries) => {
    sent.push(summary(deliveries))
    const outcomes = await real(deliveries)
    if (sent.length === 1) throw unavailable()
    return outcomes
  })
  fill(bench, 10)
  await bench.assign()
  await bench.fetch()
  await bench.pass(500)
  expect(sent).toEqual(['0:0..4', '0:5..9'])
  expect(bench.committed()).toBe(10n)
})

test('a delivery that failed before its effect is repeated after a back-off that grows', async () => {
  const at: number[] = []
  const bench = benchWith((real) => async (deliveries) => {
    at.push(bench.sim.now)
    if (at.length <= 3) throw unavailable()
    return real(deliveries)
  })
  fill(bench, 5)
  await bench.assign()
  await bench.fetch()
  await bench.pass(5_000)
  expect(bench.stored()).toEqual(['0..4'])
  const waits = at.slice(1).map((time, index) => time - (at[index] ?? 0))
  expect(waits).toEqual([75, 150, 300])
})

test('a range that the store holds in part is delivered from there on', async () => {
  let calls = 0
  const bench = benchWith((real) => async (deliveries) => {
    if (calls++ > 0) return real(deliveries)
    await real(
      deliveries.map(({ claim, range }) => ({
        claim,
        range: { ...range, last: 1n, records: range.records.slice(0, 2) },
      })),
    )
    throw unavailable()
  })
  fill(bench, 5)
  await bench.assign()
  await bench.fetch()
  await bench.pass(500)
  expect(bench.stored()).toEqual(['0..1', '2..4'])
})

test('while a partition is backing off it is paused and says why; the others go on', async () => {
  const bench = benchWith(
    (real) => async (deliveries) => {
      if (deliveries.some(({ range }) => range.partition.partition === 0)) throw unavailable()
      return real(deliveries)
    },
    { partitions: 2, limits: { deliveryRanges: 1 } },
  )
  fill(bench, 5, 0)
  fill(bench, 5, 1)
  await bench.assign()
  await bench.fetch(0)
  await bench.fetch(1)
  await bench.pass(200)
  expect(bench.stored(1)).toEqual(['0..4'])
  expect(bench.source.paused).toEqual(new Set(['id-audit/0']))
  expect(bench.engine.health().partitions[0]).toMatchObject({
    state: 'recovering',
    paused: ['backoff'],
    waiting: { step: 'deliver', code: 'DAYBOOK_TEST_UNAVAILABLE' },
  })
})

test('an error that is not retryable stops the partition', async () => {
  const bench = benchWith(() => async () => {
    throw new DaybookError('DAYBOOK_TEST_FORBIDDEN', 'no')
  })
  fill(bench, 5)
  await bench.assign()
  await bench.fetch()
  await bench.pass(10)
  expect(bench.stopCode()).toBe('DAYBOOK_TEST_FORBIDDEN')
  expect(bench.engine.health()).toMatchObject({ healthy: false, alive: true, state: 'running' })
  expect(bench.source.reading.size).toBe(0)
  expect(bench.committed()).toBe(0n)
})

test('a store that forgets what it confirmed stops the partition', async () => {
  let calls = 0
  const bench = new EngineBench({
    cut,
    sink: (sink) =>
      changedSink(sink, {
        claim: async (partition, signal) => {
          const claim = await sink.claim(partition, signal)
          return {
            partition,
            tip: () =>
              calls < 2
                ? claim.tip()
                : Promise.resolve({ last: 1n, lastRecord: null, acceptedLossThrough: null }),
          }
        },
        deliver: async (deliveries) => {
          if (calls++ > 0) throw unavailable()
          return deliveries.map(() => 'delivered')
        },
      }),
  })
  fill(bench, 10)
  await bench.assign()
  await bench.fetch()
  await bench.pass(10)
  expect(bench.stopCode()).toBe('DAYBOOK_ENGINE_TIP_CONTRADICTED')
})

test('ready ranges of several partitions share a delivery, up to its rows', async () => {
  const sent: string[] = []
  const gate = Promise.withResolvers<void>()
  const bench = benchWith(
    (real) => async (deliveries) => {
      sent.push(summary(deliveries))
      if (sent.length === 1) await gate.promise
      return real(deliveries)
    },
    { partitions: 4, limits: { deliveryRows: 10 } },
  )
  for (const partition of [0, 1, 2, 3]) fill(bench, 5, partition)
  await bench.assign()
  for (const partition of [0, 1, 2, 3]) await bench.fetch(partition)
  gate.resolve()
  await bench.pass(10)
  expect(sent.map((one) => one.split(' ').length)).toEqual([1, 2, 1])
})

test('concurrent deliveries never carry two ranges of one partition', async () => {
  let running = 0
  let most = 0
  const partitions: string[] = []
  const bench = benchWith(
    (real) => async (deliveries) => {
      most = Math.max(most, ++running)
      partitions.push(deliveries.map(({ range }) => range.partition.partition).join())
      await bench.sim.delay(50)
      const outcomes = await real(deliveries)
      running--
      return outcomes
    },
    { partitions: 2, limits: { concurrentDeliveries: 8, deliveryRanges: 1 } },
  )
  for (const partition of [0, 1]) fill(bench, 15, partition)
  await bench.assign()
  for (const partition of [0, 1]) await bench.fetch(partition)
  await bench.pass(1_000)
  expect(most).toBe(2)
  expect(partitions.toSorted()).toEqual(['0', '0', '0', '1', '1', '1'])
  expect(bench.stored(0)).toEqual(['0..4', '5..9', '10..14'])
})

test('a fenced owner claims again, and delivers what lies beyond the new tip', async () => {
  const bench = benchWith((real) => real)
  fill(bench, 10)
  await bench.assign()
  await bench.fetch(0, 0n, 4n)
  await bench.pass(10)
  bench.store.raiseEpoch(bench.log().partition, 0)
  await bench.fetch(0, 5n)
  await bench.pass(10)
  expect(bench.stored()).toEqual(['0..4'])
  expect(bench.engine.health().partitions[0]).toMatchObject({
    state: 'recovering',
    waiting: { step: 'reclaim' },
  })
  await bench.pass(500)
  expect(bench.stored()).toEqual(['0..4', '5..9'])
})

test('what an old generation still delivers counts for nothing, and is not repeated', async () => {
  const gate = Promise.withResolvers<void>()
  const sent: string[] = []
  const bench = benchWith((real) => async (deliveries) => {
    sent.push(summary(deliveries))
    const outcomes = await real(deliveries)
    if (sent.length === 1) await gate.promise
    return outcomes
  })
  fill(bench, 10)
  await bench.assign()
  await bench.fetch(0, 0n, 4n)
  const positions = await bench.assign()
  gate.resolve()
  expect(positions.get('id-audit/0')).toBe(4n)
  await bench.pass(10)
  expect(bench.source.commits).toEqual([])
  await bench.fetch(0, 4n)
  await bench.pass(10)
  expect(sent).toEqual(['0:0..4', '0:5..9'])
  expect(new Set(bench.source.commits.map((commit) => commit.generation))).toEqual(new Set([2]))
  expect(bench.committed()).toBe(10n)
  expect(bench.engine.health().bufferedBytes).toBe(0)
})

test('a new generation voids the old one, even where nobody said that it is over', async () => {
  const bench = new EngineBench({ cut })
  fill(bench, 3)
  await bench.assign()
  await bench.fetch()
  await bench.assign({}, true)
  await bench.pass(2_000)
  expect(bench.stored()).toEqual([])
  expect(bench.engine.health().bufferedBytes).toBe(0)
})

test('memory that an old generation held when it ended is free again for the new one', async () => {
  const gate = Promise.withResolvers<void>()
  const bench = benchWith(
    (real) => async (deliveries) => {
      if (deliveries[0]?.range.partition.partition === 0) await gate.promise
      return real(deliveries)
    },
    { partitions: 2, limits: { concurrentDeliveries: 2, memoryBytes: 24, memoryLowBytes: 20 } },
  )
  fill(bench, 5, 0)
  fill(bench, 5, 1)
  await bench.assign()
  await bench.fetch(0)
  expect(bench.source.paused).toEqual(new Set(['id-audit/0']))
  await bench.assign()
  const late = bench.fetch(1)
  gate.resolve()
  await late
  await bench.pass(2_000)
  expect(bench.source.paused.size).toBe(0)
  expect(bench.stored(1)).toEqual(['0..4'])
})

/** Notes what each delivery holds; the first waits for `gate`. */
function notedSink(sink: Sink, gate: Promise<void>, sent: string[]): Sink {
  return changedSink(sink, {
    deliver: async (deliveries, signal) => {
      sent.push(summary(deliveries))
      if (sent.length === 1) await gate
      return sink.deliver(deliveries, signal)
    },
  })
}

test('ranges that the sink calls slow share no delivery with others', async () => {
  const sent: string[] = []
  const gate = Promise.withResolvers<void>()
  const bench = new EngineBench({
    cut,
    partitions: 4,
    sink: (sink) => ({ ...notedSink(sink, gate.promise, sent), isSlow: hasBad }),
  })
  for (const partition of [0, 1, 3]) fill(bench, 5, partition)
  for (let at = 0; at < 5; at++) bench.log(2).append(badValue(1, `${at}`), 1_000)
  await bench.assign()
  for (const partition of [0, 1, 2, 3]) await bench.fetch(partition)
  gate.resolve()
  await bench.pass(100)
  expect(sent).toHaveLength(3)
  expect(sent).toContain('2:0..4')
  for (const partition of [1, 2, 3]) expect(bench.stored(partition)).toEqual(['0..4'])
})

test('slow ranges that are not answered leave a delivery to the others', async () => {
  const bench = new EngineBench({
    cut,
    limits: { concurrentDeliveries: 2 },
    partitions: 3,
    sink: (sink) =>
      changedSink(sink, {
        isSlow: hasBad,
        deliver: async (deliveries, signal) => {
          const isBad = deliveries.some(({ range }) => range.partition.partition < 2)
          if (isBad) await new Promise(() => undefined)
          return sink.deliver(deliveries, signal)
        },
      }),
  })
  for (const partition of [0, 1])
    for (let at = 0; at < 5; at++) bench.log(partition).append(badValue(1, `${at}`), 1_000)
  fill(bench, 5, 2)
  await bench.assign()
  for (const partition of [0, 1, 2]) {
    await bench.fetch(partition)
    await bench.pass(10)
  }
  expect(bench.stored(2)).toEqual(['0..4'])
})

test('large ranges share no delivery with small ones, only with each other', async () => {
  const MIB = 1024 * 1024
  const sent: string[] = []
  const gate = Promise.withResolvers<void>()
  const bench = new EngineBench({
    cut: { ...cut, maxBytes: 32 * MIB },
    limits: { memoryBytes: 128 * MIB, concurrentDeliveries: 1 },
    partitions: 5,
    sink: (sink) => notedSink(sink, gate.promise, sent),
  })
  for (const partition of [0, 1, 3]) fill(bench, 5, partition)
  for (const partition of [2, 4])
    for (let at = 0; at < 5; at++) bench.log(partition).append(goodValue(1, 'x'.repeat(4 * MIB)), 1_000)
  await bench.assign()
  for (const partition of [0, 1, 2, 3, 4]) await bench.fetch(partition)
  gate.resolve()
  await bench.pass(100)
  expect(
    sent
      .map((one) => one.split(' ').sort().join(' '))
      .slice(1)
      .sort(),
  ).toEqual(['1:0..4 3:0..4', '2:0..4 4:0..4'])
  for (const partition of [1, 2, 3, 4]) expect(bench.stored(partition)).toEqual(['0..4'])
})
