import { expect, it } from 'vitest'
import { backoffMs } from '../../../runtime/backoff.ts'

const policy = { baseDelayMs: 100, maxDelayMs: 1_000 }

it('doubles the bound of its pauses up to the maximum', () => {
  expect([1, 2, 3, 4, 5, 60].map((failures) => backoffMs(failures, policy, () => 1))).toEqual([
    100, 200, 400, 800, 1_000, 1_000,
  ])
})

it('pauses for at least half of the bound', () => {
  expect(backoffMs(3, policy, () => 0)).toBe(200)
})
