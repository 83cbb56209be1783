import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { PacedWork } from '../../../../consumers/cold/paced-work.ts'
import { systemClock } from '../../../../runtime/clock.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('what kept the event loop is followed by four times as long without more of its kind', async () => {
  const paced = new PacedWork(systemClock)
  const begun: number[] = []
  const started = Date.now()
  const piece = (busyMs: number) => async () => {
    begun.push(Date.now() - started)
    return { result: busyMs, busyMs }
  }
  const done = Promise.all([paced.run(piece(100)), paced.run(piece(50)), paced.run(piece(1))])
  await vi.advanceTimersByTimeAsync(399)
  expect(begun).toEqual([0])
  await vi.advanceTimersByTimeAsync(201)
  expect(begun).toEqual([0, 400, 600])
  expect(await done).toEqual([100, 50, 1])
})

test('work that fails is followed by the next at once', async () => {
  const paced = new PacedWork(systemClock)
  const failed = paced.run(() => Promise.reject(new Error('refused')))
  const next = paced.run(async () => ({ result: 'done', busyMs: 1 }))
  await expect(failed).rejects.toThrow('refused')
  expect(await next).toBe('done')
})
