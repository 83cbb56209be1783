import { expect, test } from 'vitest'
import { badValue, goodValue } from '../../../../support/fakes/fake-checker.ts'
import { EngineBench } from '../bench.ts'

const cut = { maxRows: 1_000, maxBytes: 1_000_000, maxAgeMs: 100 }
const limits = { regressionInARow: 20, regressionRatio: 0.9, regressionWindow: 100, floodInARow: 10 }

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

test('a schema that decoded and then only fails stops the partition before anything is quarantined', async () => {
  const { bench } = await play([goodValue(1), ...many(20, () => badValue(1))])
  expect(bench.stopCode()).toBe('DAYBOOK_ENGINE_DECODE_REGRESSION')
  expect(bench.stored()).toEqual([])
})

test('one failure less goes to quarantine', async () => {
  const { bench } = await play([goodValue(1), ...many(19, () => badValue(1)), goodValue(1)])
  expect(bench.crashes).toEqual([])
  expect(bench.stored()).toEqual(['0..20'])
})

test('a schema that nearly always fails, after it decoded, stops the partition too', async () => {
  const { bench } = await play(many(300, (at) => (at % 18 === 0 ? goodValue(1) : badValue(1))))
  expect(bench.stopCode()).toBe('DAYBOOK_ENGINE_DECODE_REGRESSION')
})

test('a flood of a schema that never decoded is quarantined, with an alarm at each doubling', async () => {
  const { bench, floods } = await play(many(200, () => badValue(7)))
  expect(bench.crashes).toEqual([])
  expect(bench.stored()).toEqual(['0..199'])
  expect(floods).toEqual([10, 20, 40, 80, 160])
})

test('a flood without any schema id never trips the circuit of the others', async () => {
  const { bench } = await play(many(300, (at) => (at % 3 === 0 ? goodValue(1) : Buffer.from('garbage'))))
  expect(bench.crashes).toEqual([])
  expect(bench.stored()).toEqual(['0..299'])
})

test('good records between bad ones keep the flood alarm silent', async () => {
  const { floods } = await play(many(200, (at) => (at % 9 === 8 ? goodValue(2) : badValue(1))))
  expect(floods).toEqual([])
})
