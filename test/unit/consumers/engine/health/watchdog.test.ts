import { expect, test } from 'vitest'
import { changedSink } from '../../../../support/fakes/changed-sink.ts'
import { goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench } from '../bench.ts'

const cut = { maxRows: 5, maxBytes: 1_000_000, maxAgeMs: 1_000 }
const limits = { stallMs: 10_000, watchdogMs: 1_000 }

function grow(bench: EngineBench, count: number): void {
  for (let at = 0; at < count; at++) bench.log().append(goodValue(1), 1_000)
  bench.source.answered.set('id-audit/0', bench.log().bounds)
}

test('a source that hands over nothing while the log grows turns the partition red', async () => {
  const bench = new EngineBench({ cut, limits })
  await bench.assign()
  grow(bench, 8)
  await bench.pass(5_000)
  expect(bench.engine.health()).toMatchObject({ healthy: true, partitions: [{ lag: 8n }] })
  await bench.pass(9_000)
  expect(bench.engine.health()).toMatchObject({ healthy: false, partitions: [{ healthy: false, lag: 8n }] })
  await bench.fetch()
  await bench.pass(1_500)
  expect(bench.engine.health()).toMatchObject({ healthy: true, partitions: [{ lag: 0n }] })
})

test('a transaction that stays open is named, and no reason to restart', async () => {
  const bench = new EngineBench({ cut, limits })
  await bench.assign()
  grow(bench, 8)
  const { logStart, logEnd } = bench.log().bounds
  bench.source.answered.set('id-audit/0', { logStart, logEnd, readableEnd: 0n })
  await bench.pass(14_000)
  const waiting = { step: 'transaction', code: 'DAYBOOK_KAFKA_OPEN_TRANSACTION' }
  expect(bench.engine.health()).toMatchObject({ healthy: false, alive: true, partitions: [{ waiting }] })
  bench.source.answered.set('id-audit/0', bench.log().bounds)
  await bench.pass(1_500)
  expect(bench.engine.health()).toMatchObject({ alive: false, partitions: [{ waiting: null }] })
})

test('rebalances do not hide a partition that never gets anywhere', async () => {
  const bench = new EngineBench({ cut, limits })
  await bench.assign()
  grow(bench, 8)
  for (let at = 0; at < 5; at++) {
    await bench.pass(3_000)
    await bench.assign()
  }
  expect(bench.engine.health().healthy).toBe(false)
})

test('a partition without lag stays healthy however long nothing happens', async () => {
  const bench = new EngineBench({ cut, limits })
  grow(bench, 5)
  await bench.assign()
  await bench.fetch()
  await bench.pass(120_000)
  expect(bench.engine.health()).toMatchObject({ healthy: true, partitions: [{ state: 'idle' }] })
})

test('a log that is cut below what is stored stops the partition', async () => {
  const bench = new EngineBench({ cut, limits })
  grow(bench, 10)
  await bench.assign()
  await bench.fetch()
  await bench.pass(100)
  bench.log().truncateFrom(6n)
  bench.source.answered.set('id-audit/0', bench.log().bounds)
  await bench.pass(1_500)
  expect(bench.stopCode()).toBe('DAYBOOK_ENGINE_TIP_BEYOND_LOG')
})

test('a log that cannot be asked for long is unhealthy, since nobody knows the lag', async () => {
  const bench = new EngineBench({ cut, limits })
  await bench.assign()
  bench.source.boundsFail = true
  await bench.pass(8_000)
  expect(bench.engine.health().healthy).toBe(true)
  await bench.pass(8_000)
  expect(bench.engine.health()).toMatchObject({ healthy: false, state: 'running' })
})

test('a registry that is down holds up one partition, which says so', async () => {
  const bench = new EngineBench({ cut, limits })
  grow(bench, 5)
  await bench.assign()
  bench.registryIsDown = true
  const waiting = bench.fetch()
  await bench.pass(500)
  expect(bench.engine.health().partitions[0]).toMatchObject({
    waiting: { step: 'prepare', code: 'DAYBOOK_TEST_UNAVAILABLE' },
    next: 0n,
  })
  bench.registryIsDown = false
  await bench.pass(3_000)
  await waiting
  expect(bench.stored()).toEqual(['0..4'])
  expect(bench.engine.health().partitions[0]?.waiting).toBe(null)
})

test('a partition of which no broker says where its log ends is named, though the others are known', async () => {
  const bench = new EngineBench({ cut, limits, partitions: 2 })
  await bench.assign()
  bench.source.answered.delete('id-audit/1')
  await bench.pass(10_000)
  expect(bench.engine.health().healthy).toBe(true)
  await bench.pass(4_000)
  const waiting = { step: 'log', code: 'DAYBOOK_KAFKA_BROKER' }
  expect(bench.engine.health()).toMatchObject({
    ...{ healthy: false, alive: true },
    partitions: [{ healthy: true }, { healthy: false, waiting }],
  })
  bench.source.answered.set('id-audit/1', bench.log(1).bounds)
  await bench.pass(1_500)
  expect(bench.engine.health()).toMatchObject({ healthy: true, partitions: [{}, { waiting: null }] })
})

test('a partition that is taken over for minutes is not ready, and no reason to restart', async () => {
  const bench = new EngineBench({
    ...{ cut, limits },
    sink: (sink) =>
      changedSink(sink, {
        claim: () => new Promise(() => undefined),
      }),
  })
  await bench.assign()
  grow(bench, 8)
  await bench.pass(60_000)
  const partitions = [{ state: 'claiming', healthy: false }]
  expect(bench.engine.health()).toMatchObject({ healthy: false, alive: true, partitions })
  await bench.pass(600_000)
  expect(bench.engine.health()).toMatchObject({ alive: false, partitions })
})

test('an engine that waits for its first generation is not healthy from the beginning, and no restart helps', async () => {
  const bench = new EngineBench({ cut, limits })
  await bench.engine.start()
  expect(bench.engine.health()).toMatchObject({ healthy: false, alive: true, withoutGroupMs: 0 })
  await bench.pass(11_000)
  expect(bench.engine.health()).toMatchObject({ healthy: false, alive: true, withoutGroupMs: 11_000 })
  await bench.assign()
  expect(bench.engine.health()).toMatchObject({ healthy: true, withoutGroupMs: null })
})

test('one that the group gives no partition is healthy, and stays so while the group rebalances', async () => {
  const bench = new EngineBench({ cut, limits, partitions: 0 })
  await bench.engine.start()
  const generation = new AbortController()
  bench.source.listener?.assigned(1, [], generation.signal)
  expect(bench.engine.health()).toMatchObject({ healthy: true, partitions: [], withoutGroupMs: null })
  generation.abort()
  await bench.pass(11_000)
  expect(bench.engine.health()).toMatchObject({ healthy: true, alive: true, withoutGroupMs: null })
})
