import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { COLLECT_FROM_BYTES, guardHeap } from '../../../runtime/heap-guard.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('garbage is collected while the heap is large, and not before', () => {
  let usedBytes = COLLECT_FROM_BYTES
  let collected = 0
  guardHeap({ usedBytes: () => usedBytes, collect: () => (collected += 1) })
  vi.advanceTimersByTime(10_000)
  expect(collected).toBe(0)
  usedBytes += 1
  vi.advanceTimersByTime(1_000)
  expect(collected).toBeGreaterThan(1)
})

it.each([
  [['--expose-gc'], 'a heap'],
  [[], 'none'],
])('a process started with %j has %s to guard', (flags, expected) => {
  const module = fileURLToPath(new URL('../../../runtime/heap-guard.ts', import.meta.url))
  const script = `
    import { guardHeap, ownHeap } from ${JSON.stringify(module)}
    const heap = ownHeap()
    guardHeap(heap)
    if (heap === null) console.log('none')
    else {
      let garbage = Array.from({ length: 200_000 }, (_, at) => ({ at, text: 'x' + at }))
      const before = heap.usedBytes()
      garbage = null
      heap.collect()
      console.log(heap.usedBytes() < before - 5_000_000 ? 'a heap' : 'nothing was collected')
    }`
  const args = [...flags, '--input-type=module', '--eval', script]
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' }).trim()).toBe(expected)
})
