import { expect, test } from 'vitest'
import { partitionKey } from '../../../../../consumers/engine/contracts.ts'
import { badValue, goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench } from '../bench.ts'

test('a flood that starts anew after each good record raises no more alarms within a minute; each partition counts for itself', async () => {
  const alarms: [number, number][] = []
  const bench = new EngineBench({
    partitions: 2,
    limits: { floodInARow: 10 },
    observer: { flood: ({ partition }, _, inARow) => void alarms.push([partition, inARow]) },
  })
  const append = (partition: number, kinds: string) => {
    const log = bench.log(partition)
    for (const kind of kinds) log.append(kind === 'g' ? goodValue(1) : badValue(2), 1_000)
    bench.source.answered.set(partitionKey(log.partition), log.bounds)
  }
  append(0, `${'b'.repeat(19)}g`.repeat(25))
  append(1, 'b'.repeat(9))
  await bench.assign()
  await bench.fetch(0)
  await bench.fetch(1)
  expect(alarms).toEqual([[0, 10]])
  await bench.pass(61_000)
  append(0, 'b'.repeat(10))
  append(1, 'b'.repeat(11))
  await bench.fetch(0, 500n)
  await bench.fetch(1, 9n)
  expect(bench.crashes).toEqual([])
  expect(alarms).toEqual([
    [0, 10],
    [0, 10],
    [1, 10],
    [1, 20],
  ])
})
