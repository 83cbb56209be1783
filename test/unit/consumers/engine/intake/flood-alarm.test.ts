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

const cut = { maxRows: 1_000, maxBytes: 1_000_000, maxAgeMs: 100 }
const limits = { floodInARow: 10 }

async function play(values: readonly Buffer[]): Promise<{ bench: EngineBench; floods: number[] }> {
  const floods: number[] = []
  const observer = { flood: (_: unknown, __: unknown, inARow: number) => void floods.push(inARow) }
  const bench = new EngineBench({ cut, limits, observer })
  for (const value of values) bench.log().append(value, 1_000)
  await bench.assign()
  await bench.fetch()
  await bench.pass(500)
  return { bench, floods }
}

const many = (count: number, make: (at: number) => Buffer) =>
  Array.from({ length: count }, (_, at) => make(at))

test('a flood is quarantined, however many, with an alarm at each doubling', async () => {
  const { bench, floods } = await play([goodValue(7), ...many(200, () => badValue(7))])
  expect(bench.crashes).toEqual([])
  expect(bench.stored()).toEqual(['0..200'])
  expect(floods).toEqual([10, 20, 40, 80, 160])
})

test('good records between bad ones keep the flood alarm silent', async () => {
  const { floods } = await play(many(200, (at) => (at % 9 === 8 ? goodValue(2) : badValue(1))))
  expect(floods).toEqual([])
})
