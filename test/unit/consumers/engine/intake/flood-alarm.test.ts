import { expect, test } from 'vitest'
import { badValue, goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench } from '../bench.ts'

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
