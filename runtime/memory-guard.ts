import { getHeapStatistics } from 'node:v8'

const MIB = 1024 * 1024
/** Events stay below it, also while a worker catches up. */
export const LARGE_HEAP_BYTES = 120 * MIB
/** What is alive may be large: so much has to come before the next collection. */
export const GROWTH_BYTES = 48 * MIB
/** V8 keeps what it has once had: so much more than is needed is given back when there is little to do. */
export const UNUSED_BYTES = 64 * MIB
/** Less CPU time in so many milliseconds is little to do: a worker that catches up waits for its store now and then. */
export const CALM_MS = 3_000
const CALM_CPU_MS = 1_200
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
 * Collects garbage when there are many objects of it. V8 lets its heap grow to nearly four times what is alive before it
 * collects by itself, and keeps the memory: under a flood of tiny records a worker would be twice as large as it may,
 * and stay so. Nothing is collected for events alone: nearly all that they hold is alive, and to collect and give back
 * while a worker caught up cost a sixth of its CPU time (docs/decisions/worker-memory.md).
 *
 * Does not keep the process alive. Null, where it was not started with `--expose-gc`: does nothing.
 */
export function guardMemory(memory: Memory | null): void {
  if (memory === null) return
  /** Of the heap, after the last collection. */
  let left = 0
  /** In all, since the last collection. */
  let least = Number.POSITIVE_INFINITY
  let stretch = { looks: 0, cpuMs: memory.cpuMs() }
  let isCalm = false
  const timer = setInterval(() => {
    const { heapBytes, externalBytes, heapTakenBytes } = memory.used()
    const bytes = heapBytes + externalBytes
    least = Math.min(least, bytes)
    stretch.looks += 1
    if (stretch.looks * EVERY_MS >= CALM_MS) {
      const cpuMs = memory.cpuMs()
      isCalm = cpuMs - stretch.cpuMs < CALM_CPU_MS
      stretch = { looks: 0, cpuMs }
    }
    const isUnused = heapTakenBytes + externalBytes > least + UNUSED_BYTES
    if (heapBytes > LARGE_HEAP_BYTES && heapBytes >= left + GROWTH_BYTES) memory.collect()
    else if (isUnused && isCalm) memory.giveBack()
    else return
    const after = memory.used()
    left = after.heapBytes
    least = after.heapBytes + after.externalBytes
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
