import { expect, test } from 'vitest'
import type { Delivery, RangeOutcome, Sink } from '../../../../../consumers/engine/contracts.ts'
import type { StoppedPartition } from '../../../../../consumers/engine/stopped-partition.ts'
import { DaybookError } from '../../../../../schemas/errors.ts'
import { FakeChecker, goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench, unavailable } from '../bench.ts'

const cut = { maxRows: 5, maxBytes: 1_000_000, maxAgeMs: 1_000 }

function fill(bench: EngineBench, count: number, partition = 0): void {
  for (let at = 0; at < count; at++) bench.log(partition).append(goodValue(1, `${at}`), 1_000)
}

const broken = (scope?: 'worker') =>
  new DaybookError('DAYBOOK_TEST_BROKEN', 'set it back', scope === undefined ? {} : { scope })

/** A bench of two partitions whose sink refuses partition 0 while `refuses()`. */
function benchRefusing(refuses: () => DaybookError | null, at: 'claim' | 'deliver'): EngineBench {
  const wrap = (sink: Sink): Sink => ({
    name: sink.name,
    claim: async (partition, signal) => {
      const error = at === 'claim' && partition.partition === 0 ? refuses() : null
      if (error !== null) throw error
      return sink.claim(partition, signal)
    },
    deliver: async (deliveries: readonly Delivery[], signal) => {
      const error = at === 'deliver' ? refuses() : null
      const bad = (one: Delivery) => error !== null && one.range.partition.partition === 0
      const outcomes = await sink.deliver(
        deliveries.filter((one) => !bad(one)),
        signal,
      )
      const rest = [...outcomes]
      return deliveries.map(
        (one): RangeOutcome => (bad(one) ? { kind: 'failed', error } : (rest.shift() ?? 'fenced')),
      )
    },
    fingerprint: (record, partition) => sink.fingerprint(record, partition),
    close: () => sink.close(),
  })
  return new EngineBench({ cut, partitions: 2, sink: wrap })
}

test.each(['claim', 'deliver'] as const)(
  'an error at %s stops its partition; the other goes on',
  async (at) => {
    const bench = benchRefusing(() => broken(), at)
    fill(bench, 5, 0)
    fill(bench, 5, 1)
    await bench.assign()
    if (at === 'deliver') await bench.fetch(0)
    await bench.fetch(1)
    await bench.pass(100)
    expect(bench.stopCode(0)).toBe('DAYBOOK_TEST_BROKEN')
    expect(bench.stopCode(1)).toBe(undefined)
    expect(bench.stored(1)).toEqual(['0..4'])
    expect(bench.crashes).toEqual([])
    expect(bench.source.reading.has('id-audit/0')).toBe(false)
    expect(bench.engine.health()).toMatchObject({ healthy: false, alive: true, bufferedBytes: 0 })
    expect(bench.committed(1)).toBe(5n)
  },
)

test.each(['claim', 'deliver'] as const)(
  'a partition stopped at %s goes on by itself once the cause is gone',
  async (at) => {
    let isBroken = true
    const bench = benchRefusing(() => (isBroken ? broken() : null), at)
    fill(bench, 5, 0)
    await bench.assign()
    if (at === 'deliver') await bench.fetch(0)
    await bench.pass(100)
    expect(bench.stopCode(0)).toBe('DAYBOOK_TEST_BROKEN')
    isBroken = false
    await bench.pass(5_000)
    expect(bench.source.reading.get('id-audit/0')).toBe(0n)
    await bench.fetch(0)
    await bench.pass(1_500)
    expect(bench.stored(0)).toEqual(['0..4'])
    expect(bench.healed).toEqual(['DAYBOOK_TEST_BROKEN'])
    expect(bench.engine.health().healthy).toBe(true)
  },
)

test('an error of the worker itself ends it', async () => {
  const bench = benchRefusing(() => broken('worker'), 'claim')
  await bench.assign()
  await bench.pass(10)
  expect(bench.crashCode()).toBe('DAYBOOK_TEST_BROKEN')
  expect(bench.engine.health()).toMatchObject({ state: 'failed', alive: false })
})

test('what came before a record that stops the partition is delivered', async () => {
  const bench = new EngineBench({ cut })
  fill(bench, 8)
  await bench.assign()
  await bench.fetch(0, 0n, 6n)
  bench.source.listener?.partitionFailed(1, bench.log().partition, broken())
  await bench.pass(100)
  expect(bench.stopCode()).toBe('DAYBOOK_TEST_BROKEN')
  expect(bench.stored()).toEqual(['0..4', '5..6'])
  expect(bench.committed()).toBe(7n)
})

test('it is tried again at growing intervals, and the same cause is the same stop', async () => {
  const tries: number[] = []
  const bench = benchRefusing(() => {
    tries.push(bench.sim.now)
    return broken()
  }, 'claim')
  const stops: StoppedPartition[] = []
  await bench.assign()
  for (let at = 0; at < 8; at++) {
    await bench.pass(30_000)
    const stopped = bench.engine.health().partitions[0]?.stopped
    if (stopped !== null && stopped !== undefined) stops.push(stopped)
  }
  const pauses = tries.slice(1).map((time, at) => time - (tries[at] ?? 0))
  expect(pauses.slice(0, 5)).toEqual([1_500, 3_000, 6_000, 12_000, 24_000])
  expect(Math.max(...pauses)).toBeLessThanOrEqual(45_000)
  expect(new Set(stops.map(({ since }) => since)).size).toBe(1)
  expect(stops.at(-1)?.attempts).toBe(tries.length)
})

test('a stop that lasts is told again each minute, without its error', async () => {
  const bench = benchRefusing(() => broken(), 'claim')
  await bench.assign()
  await bench.pass(185_000)
  expect(bench.stopErrors).toEqual([expect.any(DaybookError), null, null, null])
})

test('a partition that opens and stops at the same record again is not told as healed in between', async () => {
  const checker = new FakeChecker()
  const bench = new EngineBench({
    cut,
    checker: {
      prepare: async () => undefined,
      check: (record) => {
        if (record.offset === 3n) throw broken()
        return checker.check(record)
      },
    },
  })
  fill(bench, 6)
  await bench.assign()
  await bench.fetch()
  await bench.pass(10)
  expect(bench.stored()).toEqual(['0..2'])
  for (let at = 0; at < 3; at++) {
    await bench.pass(10_000)
    await bench.fetch(0, 2n)
    await bench.pass(10)
  }
  expect(bench.stopCode()).toBe('DAYBOOK_TEST_BROKEN')
  expect(bench.healed).toEqual([])
  expect(bench.stored()).toEqual(['0..2'])
})

test('the group is told with the committed position, and told when it is over', async () => {
  let isBroken = true
  const bench = benchRefusing(() => (isBroken ? broken() : null), 'deliver')
  fill(bench, 5, 0)
  await bench.assign()
  const since = bench.sim.now
  await bench.fetch(0)
  await bench.pass(100)
  const notes = () => bench.source.commits.map(({ notes: each }) => each.get('id-audit/0'))
  expect(notes().at(-1)).toBe(`{"stopped":"DAYBOOK_TEST_BROKEN","since":${since}}`)
  isBroken = false
  await bench.pass(5_000)
  await bench.fetch(0)
  await bench.pass(1_500)
  expect(notes().at(-1)).toBe(null)
  expect(bench.committed(0)).toBe(5n)
})

test('a partition that Kafka does not let be read is stopped, and read once it may be', async () => {
  const bench = new EngineBench({ cut })
  fill(bench, 5)
  await bench.assign()
  bench.source.unreadable.set('id-audit/0', broken())
  bench.source.listener?.partitionFailed(1, bench.log().partition, broken())
  await bench.pass(10_000)
  expect(bench.stopCode()).toBe('DAYBOOK_TEST_BROKEN')
  bench.source.unreadable.clear()
  await bench.pass(60_000)
  await bench.fetch()
  await bench.pass(1_500)
  expect(bench.stopCode()).toBe(undefined)
  expect(bench.stored()).toEqual(['0..4'])
})

test('what passes is asked again, and stops a partition only where it lasts', async () => {
  const bench = new EngineBench({ cut })
  fill(bench, 5)
  const error = unavailable()
  await bench.assign()
  const partition = bench.log().partition
  bench.source.unreadable.set('id-audit/0', error)
  const assigned = [{ partition, facts: { ok: false as const, error } }]
  bench.source.listener?.assigned(2, assigned, new AbortController().signal)
  await bench.pass(50_000)
  expect(bench.stopErrors).toEqual([])
  await bench.pass(50_000)
  expect(bench.stopErrors).toEqual([error])
  bench.source.unreadable.clear()
  await bench.pass(60_000)
  expect(bench.stopCode()).toBe(undefined)
  expect([...bench.source.reading.keys()]).toEqual(['id-audit/0'])
})

test('a new generation tries a stopped partition at once', async () => {
  let tries = 0
  const bench = benchRefusing(() => (tries++ < 4 ? broken() : null), 'claim')
  await bench.assign()
  await bench.pass(20_000)
  const before = tries
  await bench.assign()
  expect(tries).toBe(before + 1)
})

test('a partition that goes to another member is no longer told as stopped', async () => {
  const bench = benchRefusing(() => broken(), 'claim')
  await bench.assign()
  bench.source.listener?.assigned(2, [], new AbortController().signal)
  await bench.pass(120_000)
  expect(bench.engine.health()).toMatchObject({ healthy: true, partitions: [] })
  expect(bench.stopErrors).toHaveLength(1)
})

test('stopping the worker does not wait for a stopped partition', async () => {
  const bench = benchRefusing(() => broken(), 'deliver')
  fill(bench, 5, 0)
  await bench.assign()
  await bench.fetch(0)
  await bench.pass(100)
  let outcome: string | null = null
  void bench.engine.stop({ timeoutMs: 5_000 }).then((ended) => {
    outcome = ended
  })
  await bench.pass(200)
  expect(outcome).toBe('drained')
})
