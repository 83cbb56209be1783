import { expect, test } from 'vitest'
import { goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench } from '../bench.ts'

const cut = { maxRows: 5, maxBytes: 1_000_000, maxAgeMs: 1_000 }

async function delivered(bench: EngineBench, count: number): Promise<void> {
  for (let at = 0; at < count; at++) bench.log().append(goodValue(1), 1_000)
  await bench.assign()
  await bench.fetch()
}

function stop(bench: EngineBench): void {
  const { generation } = bench.engine.health()
  bench.source.listener?.partitionFailed(generation ?? 0, bench.log().partition, new Error('no'))
}

test('a failing commit is tried again and stops nothing', async () => {
  const bench = new EngineBench({ cut })
  bench.source.commitFails = 3
  await delivered(bench, 5)
  await bench.pass(10)
  expect(bench.committed()).toBeUndefined()
  await bench.pass(5_000)
  expect(bench.committed()).toBe(5n)
  expect(bench.crashes).toEqual([])
})

test('what the group does not take of one partition does not count as committed, and is tried again', async () => {
  const bench = new EngineBench({ cut, partitions: 2 })
  bench.source.commitRefused.add('id-audit/0')
  for (const log of bench.logs) for (let at = 0; at < 5; at++) log.append(goodValue(1), 1_000)
  await bench.assign()
  await bench.fetch(0)
  await bench.fetch(1)
  await bench.pass(100)
  const committed = () => bench.engine.health().partitions.map((partition) => partition.committed)
  expect(committed()).toEqual([0n, 5n])
  const attempts = bench.source.commits.length
  await bench.pass(500)
  expect(bench.source.commits.length).toBe(attempts)
  bench.source.commitRefused.clear()
  await bench.pass(2_000)
  expect(committed()).toEqual([5n, 5n])
})

test('a commit that the group does not take does not hold up the end', async () => {
  const bench = new EngineBench({ cut })
  bench.source.commitRefused.add('id-audit/0')
  await delivered(bench, 5)
  await bench.pass(100)
  const stopped = bench.engine.stop({ timeoutMs: 60_000 })
  await bench.pass(100)
  expect(await stopped).toBe('drained')
})

test('what is delivered while a commit runs goes into one later commit', async () => {
  const bench = new EngineBench({ cut })
  const hold = bench.failpoints.holdAt('commit.before')
  await delivered(bench, 20)
  await bench.pass(10)
  expect(bench.stored()).toHaveLength(4)
  hold.release()
  await bench.pass(10)
  expect(bench.source.commits.length).toBeLessThanOrEqual(2)
  expect(bench.committed()).toBe(20n)
})

test('a commit that waits for its turn is dropped when the generation is over', async () => {
  const bench = new EngineBench({ cut })
  bench.source.commitFails = 1_000
  await delivered(bench, 5)
  await bench.pass(10)
  await bench.assign()
  bench.source.commitFails = 0
  await bench.pass(5_000)
  expect(bench.source.commits).toEqual([])
})

test('nothing is committed before the store holds it', async () => {
  const bench = new EngineBench({ cut })
  const hold = bench.failpoints.holdAt('effect.before')
  await delivered(bench, 5)
  await bench.pass(100)
  expect(bench.source.commits).toEqual([])
  hold.release()
  await bench.pass(10)
  expect(bench.committed()).toBe(5n)
})

test('commits of a stopped partition that are refused at once wait for the back-off', async () => {
  const bench = new EngineBench({ cut })
  await delivered(bench, 5)
  await bench.pass(10)
  bench.source.commitFails = 1_000
  stop(bench)
  await bench.pass(1_000)
  expect(bench.stopCode()).toBe('unknown')
  expect(bench.source.commitFails).toBeGreaterThan(980)
})

test('a new generation commits at once what waits for the back-off', async () => {
  const bench = new EngineBench({ cut })
  bench.source.commitFails = 1_000
  await delivered(bench, 5)
  await bench.pass(20_000)
  expect(bench.source.commitFails).toBeGreaterThan(0)
  bench.source.commitFails = 0
  await bench.assign()
  await bench.fetch()
  await bench.pass(200)
  expect(bench.committed()).toBe(5n)
})

const noteOf = (bench: EngineBench) => bench.source.commits.at(-1)?.notes.get('id-audit/0')

test('a partition that heals without a new record no longer says that it is stopped', async () => {
  const bench = new EngineBench({ cut })
  await delivered(bench, 5)
  await bench.pass(10)
  stop(bench)
  await bench.pass(10)
  expect(noteOf(bench)).toContain('"stopped"')
  await bench.pass(10_000)
  expect(bench.stopCode()).toBeUndefined()
  expect(noteOf(bench)).toBeNull()
})

test('what a stopped session could not commit is not committed after the partition went on', async () => {
  const bench = new EngineBench({ cut })
  await delivered(bench, 5)
  await bench.pass(10)
  bench.source.commitFails = 1_000
  stop(bench)
  await bench.pass(10_000)
  bench.source.commitFails = 0
  await bench.pass(60_000)
  expect(bench.stopCode()).toBeUndefined()
  expect(noteOf(bench)).toBeNull()
})
