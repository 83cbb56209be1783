import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import {
  CALM_MS,
  GROWTH_BYTES,
  guardMemory,
  LARGE_HEAP_BYTES,
  UNUSED_BYTES,
} from '../../../runtime/memory-guard.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const MIB = 1024 * 1024

function guarded(alive: number) {
  const state = {
    heapBytes: 0,
    externalBytes: 0,
    heapTakenBytes: 0,
    cpuMs: 0,
    collected: 0,
    givenBack: 0,
  }
  guardMemory({
    used: () => state,
    cpuMs: () => state.cpuMs,
    collect: () => {
      state.collected += 1
      state.heapBytes = alive
      state.externalBytes = 0
    },
    giveBack: () => {
      state.givenBack += 1
      state.heapTakenBytes = alive
    },
  })
  return state
}

it('garbage is collected once there are many objects of it, and not before', () => {
  const state = guarded(20 * MIB)
  state.heapBytes = LARGE_HEAP_BYTES
  state.externalBytes = 1_000 * MIB
  vi.advanceTimersByTime(10_000)
  expect(state.collected).toBe(0)
  state.heapBytes += 1
  vi.advanceTimersByTime(10_000)
  expect(state.collected).toBe(1)
})

it('what is alive, however much, is not collected again and again', () => {
  const state = guarded(2 * LARGE_HEAP_BYTES)
  state.heapBytes = 3 * LARGE_HEAP_BYTES
  vi.advanceTimersByTime(10_000)
  expect(state.collected).toBe(1)
  state.heapBytes += GROWTH_BYTES
  vi.advanceTimersByTime(10_000)
  expect(state.collected).toBe(2)
})

it('what V8 has taken and does not need is given back once there is little to do', () => {
  const state = guarded(20 * MIB)
  const work = (ms: number) => {
    for (let at = 0; at < ms; at += 100) {
      state.cpuMs += 100
      vi.advanceTimersByTime(100)
    }
  }
  work(1_000)
  state.heapTakenBytes = 20 * MIB + UNUSED_BYTES + 1
  work(10_000)
  expect(state.givenBack).toBe(0)
  vi.advanceTimersByTime(2 * CALM_MS)
  expect(state.givenBack).toBe(1)
  vi.advanceTimersByTime(10_000)
  expect(state.givenBack).toBe(1)
})

it.each([
  [['--expose-gc'], 'memory'],
  [[], 'none'],
])('a process started with %j has %s to guard', (flags, expected) => {
  const module = fileURLToPath(new URL('../../../runtime/memory-guard.ts', import.meta.url))
  const script = `
    import { guardMemory, ownMemory } from ${JSON.stringify(module)}
    const memory = ownMemory()
    guardMemory(memory)
    if (memory === null) console.log('none')
    else {
      let garbage = Array.from({ length: 200_000 }, (_, at) => ({ at, text: 'x' + at }))
      const before = memory.used()
      garbage = null
      const isLess = (key) => memory.used()[key] < before[key] - 5_000_000
      memory.collect()
      if (!isLess('heapBytes')) throw new Error('nothing was collected')
      memory.giveBack()
      console.log(isLess('heapTakenBytes') ? 'memory' : 'nothing was given back')
    }`
  const args = [...flags, '--input-type=module', '--eval', script]
  expect(execFileSync(process.execPath, args, { encoding: 'utf8' }).trim()).toBe(expected)
})
