import { expect, test } from 'vitest'
import { allEnded } from '../../../runtime/all-ended.ts'

test('what all of it resolves to, in order', async () => {
  expect(await allEnded([Promise.resolve(1), Promise.resolve(2)])).toEqual([1, 2])
})

test('throws the first error in order, and only when all has ended', async () => {
  const slow = Promise.withResolvers<void>()
  let isOver = false
  const all = allEnded([slow.promise, Promise.reject(new Error('second'))]).finally(() => {
    isOver = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect(isOver).toBe(false)
  slow.reject(new Error('first'))
  await expect(all).rejects.toThrow('first')
})
