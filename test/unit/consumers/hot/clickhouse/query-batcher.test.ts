import { describe, expect, it } from 'vitest'
import { QueryBatcher } from '../../../../../consumers/hot/clickhouse/query-batcher.ts'
import { DaybookError } from '../../../../../schemas/errors.ts'

function doubling() {
  const asked: number[][] = []
  const together = new QueryBatcher(async (given: readonly number[]) => {
    asked.push([...given])
    return given.map((number) => number * 2)
  })
  return { asked, together }
}

describe('calls that are made together', () => {
  it('are answered by one, each with its own answer; later ones by another', async () => {
    const { asked, together } = doubling()
    expect(await Promise.all([1, 2, 3].map((n) => together.call('a', n)))).toEqual([2, 4, 6])
    expect(await together.call('a', 4)).toBe(8)
    expect(asked).toEqual([[1, 2, 3], [4]])
  })

  it('stay apart when they are of different kinds', async () => {
    const { asked, together } = doubling()
    await Promise.all([together.call('a', 1), together.call('b', 2), together.call('a', 3)])
    expect(asked).toEqual([[1, 3], [2]])
  })

  it('are asked in parts when they are many', async () => {
    const { asked, together } = doubling()
    const numbers = Array.from({ length: 250 }, (_, n) => n)
    expect(await Promise.all(numbers.map((n) => together.call('a', n)))).toEqual(numbers.map((n) => n * 2))
    expect(asked.map((part) => part.length)).toEqual([100, 100, 50])
  })

  it('fail together while the store is down', async () => {
    let statements = 0
    const down = new DaybookError('DAYBOOK_TEST_DOWN', 'down', { retryable: true })
    const together = new QueryBatcher<number, number>(async () => {
      statements++
      throw down
    })
    const outcomes = await Promise.allSettled([together.call('a', 1), together.call('a', 2)])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(statements).toBe(1)
  })

  it('do not fail for the sake of one of them', async () => {
    const wrong = new Error('wrong')
    const together = new QueryBatcher<number, number>(async (given) => {
      if (given.includes(2)) throw wrong
      return given.map((number) => number * 2)
    })
    const outcomes = await Promise.allSettled([1, 2, 3].map((n) => together.call('a', n)))
    expect(outcomes.map((one) => (one.status === 'fulfilled' ? one.value : one.reason))).toEqual([
      2,
      wrong,
      6,
    ])
  })

  it('are not asked for a caller who is gone already', async () => {
    const { asked, together } = doubling()
    const gone = AbortSignal.abort(new Error('over'))
    await expect(together.call('a', 1, gone)).rejects.toThrow('over')
    expect(asked).toEqual([])
  })

  it('let one caller go without the others', async () => {
    const answer = Promise.withResolvers<number[]>()
    const together = new QueryBatcher<number, number>(() => answer.promise)
    const gone = new AbortController()
    const first = together.call('a', 1, gone.signal)
    const second = together.call('a', 2)
    gone.abort(new Error('over'))
    await expect(first).rejects.toThrow('over')
    answer.resolve([2, 4])
    expect(await second).toBe(4)
  })
})
