import { getHeapStatistics } from 'node:v8'

const MIB = 1024 * 1024
/** Usual load stays below both. */
export const LARGE_HEAP_BYTES = 112 * MIB
export const LARGE_BYTES = 224 * MIB
/** What is alive may be large: so much has to come before the next collection. */
export const GROWTH_BYTES = 48 * MIB
/** V8 keeps what it has once had: so much more than is needed is given back when there is little to do. */
export const UNUSED_BYTES = 64 * MIB
/** Less CPU time in so many milliseconds is little to do. */
export const CALM_MS = 1_000
const CALM_CPU_MS = 500
const EVERY_MS = 100

export interface MemoryUse {
  /** Objects that are alive, and garbage. */
  readonly heapBytes: number
  /** Buffers that objects hold outside of the heap. */
  readonly externalBytes: number
  /** What V8 has taken from the system for its heap. */
  readonly heapTakenBytes: number
}

/** What the guard sees of its process, and can do. */
export interface Memory {
  readonly used: () => MemoryUse
  /** CPU time of the process until now, in milliseconds. */
  readonly cpuMs: () => number
  readonly collect: () => void
  /** Collects garbage and returns to the system what is not used then: takes several times as long. */
  readonly giveBack: () => void
}

/**
 * Collects garbage when there is much. V8 lets its heap grow to nearly four times what is alive before it collects by
 * itself, takes little account of buffers, and keeps the memory; a flood of tiny records makes much of the one, a flood
 * of large batches of the other: a worker would be twice as large as it may, and stay so. Letting V8 grow the heap less
 * would cost every event a tenth more CPU time (docs/decisions/worker-memory.md).
 *
 * Does not keep the process alive. Null, where it was not started with `--expose-gc`: does nothing.
 */
export function guardMemory(memory: Memory | null): void {
  if (memory === null) return
  /** After the last collection. */
  let left = 0
  /** Since the last collection. */
  let least = Number.POSITIVE_INFINITY
  let second = { looks: 0, cpuMs: memory.cpuMs() }
  let isCalm = false
  const timer = setInterval(() => {
    const { heapBytes, externalBytes, heapTakenBytes } = memory.used()
    const bytes = heapBytes + externalBytes
    least = Math.min(least, bytes)
    second.looks += 1
    if (second.looks * EVERY_MS >= CALM_MS) {
      const cpuMs = memory.cpuMs()
      isCalm = cpuMs - second.cpuMs < CALM_CPU_MS
      second = { looks: 0, cpuMs }
    }
    const isLarge = heapBytes > LARGE_HEAP_BYTES || bytes > LARGE_BYTES
    const isUnused = heapTakenBytes + externalBytes > least + UNUSED_BYTES
    if (isLarge && bytes >= left + GROWTH_BYTES) memory.collect()
    else if (isUnused && isCalm) memory.giveBack()
    else return
    const after = memory.used()
    left = after.heapBytes + after.externalBytes
    least = left
  }, EVERY_MS)
  timer.unref()
}

/** The memory of this process; null where it was not started with `--expose-gc`. */
export function ownMemory(): Memory | null {
  const { gc } = globalThis
  if (gc === undefined) return null
  return {
    used: () => {
      const heap = getHeapStatistics()
      return {
        heapBytes: heap.used_heap_size,
        externalBytes: heap.external_memory,
        heapTakenBytes: heap.total_physical_size,
      }
    },
    cpuMs: () => {
      const { user, system } = process.cpuUsage()
      return (user + system) / 1_000
    },
    collect: () => void gc(),
    giveBack: () => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
  }
}
