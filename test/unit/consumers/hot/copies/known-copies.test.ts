import { expect, it } from 'vitest'
import { KnownCopies } from '../../../../../consumers/hot/copies/known-copies.ts'

const place = (offset: number) => ({ topicId: 't', partition: 0, offset: BigInt(offset) })

function started() {
  const time = { now: 1_000 }
  return { time, known: new KnownCopies({ now: () => time.now }) }
}

it('knows the contents of an id for a minute after the first was asked for', () => {
  const { time, known } = started()
  known.add('a', 'a1', place(1))
  time.now += 59_999
  known.add('a', 'a2', place(2))
  expect([known.has('a'), known.has('b'), known.place('a', 'a1'), known.place('a', 'a2')]).toEqual([
    true,
    false,
    place(1),
    place(2),
  ])
  expect(known.place('a', 'a3')).toBeUndefined()
  time.now += 1
  expect([known.has('a'), known.place('a', 'a2')]).toEqual([false, undefined])
})

it('holds a bounded number of ids', () => {
  const { known } = started()
  for (let id = 0; id < 10_001; id++) known.add(`${id}`, `${id}`, place(id))
  expect([known.isEmpty, known.has('0'), known.has('10000')]).toEqual([false, false, true])
})
