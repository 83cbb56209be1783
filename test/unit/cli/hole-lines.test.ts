import { expect, it } from 'vitest'
import { holeLines } from '../../../cli/offsets/hole-lines.ts'

it('shows the first holes and always says how many there are', () => {
  const few = [
    { first: 3n, last: 3n },
    { first: 7n, last: 9n },
  ]
  expect(holeLines(few)).toEqual(['Lost from Kafka: 4 offsets in 2 holes.', '  3', '  7..9 (3)'])
  const many = Array.from({ length: 4_399 }, (_, at) => ({ first: BigInt(2 * at), last: BigInt(2 * at) }))
  const lines = holeLines(many)
  expect(lines[0]).toBe('Lost from Kafka: 4399 offsets in 4399 holes.')
  expect(lines.slice(10)).toEqual(['  18', '  and 4389 holes more'])
})

it('says nothing where there is none', () => {
  expect(holeLines([])).toEqual([])
})
