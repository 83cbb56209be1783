import { expect, test } from 'vitest'
import { badValue, goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench } from '../bench.ts'

/** A log as compaction leaves it: `e` an event, `b` a bad record, `-` an offset that is gone, `c` a marker. */
function benchWith(shape: string): EngineBench {
  const bench = new EngineBench()
  const log = bench.log()
  for (const [at, entry] of [...shape].entries()) {
    if (entry === '-') log.appendHole()
    else if (entry === 'c') log.appendGap('control')
    else log.append(entry === 'b' ? badValue(1) : goodValue(1, `event ${at}`), 1_000 + at)
  }
  return bench
}

async function run(bench: EngineBench, first = 0n): Promise<void> {
  await bench.assign()
  await bench.fetch(0, first)
  await bench.pass(1_500)
}

const storedOffsets = (bench: EngineBench) =>
  bench.store
    .ranges(bench.log().partition)
    .flatMap(({ records }) => records.map(({ record }) => Number(record.offset)))

const gapsOf = (bench: EngineBench) =>
  bench.store
    .ranges(bench.log().partition)
    .flatMap(({ gaps }) => gaps.map(({ first, last, reason }) => `${first}..${last} ${reason}`))

test('what stands between accepted holes is delivered, and only the holes are lost', async () => {
  const bench = benchWith('e-e--bce-e')
  bench.store.acceptLoss(bench.log().partition, 8n)
  await run(bench)
  expect(bench.stopErrors).toEqual([])
  expect(storedOffsets(bench)).toEqual([0, 2, 5, 7, 9])
  expect(gapsOf(bench)).toEqual([
    '1..1 lost_accepted',
    '3..4 lost_accepted',
    '6..6 control',
    '8..8 lost_accepted',
  ])
})

test('a hole behind the last accepted offset stops the partition, also one that reaches beyond it', async () => {
  const bench = benchWith('e-e--e')
  bench.store.acceptLoss(bench.log().partition, 3n)
  await run(bench)
  expect(bench.stopCode()).toBe('DAYBOOK_ENGINE_LOG_LOST')
  expect(bench.stopErrors[0]).toMatchObject({ details: { first: 3n, last: 4n } })
  expect(storedOffsets(bench)).toEqual([0, 2])
  expect(gapsOf(bench)).toEqual(['1..1 lost_accepted'])
})

test('acceptance holds beyond a record that was there when it was given, and not beyond its offset', async () => {
  const bench = benchWith('eeeeee')
  bench.store.acceptLoss(bench.log().partition, 2n)
  bench.log().truncateBefore(3n)
  await run(bench, 3n)
  expect(gapsOf(bench)).toEqual(['0..2 lost_accepted'])
  const further = benchWith('eeeeee')
  further.store.acceptLoss(further.log().partition, 2n)
  further.log().truncateBefore(4n)
  await further.assign()
  expect(further.stopCode()).toBe('DAYBOOK_ENGINE_LOG_LOST')
})
