import { getHeapStatistics } from 'node:v8'

const MIB = 1024 * 1024
/** Usual load stays below both. */
export const LARGE_HEAP_BYTES = 112 * MIB
export const LARGE_BYTES = 224 * MIB
/** What is alive may be large: so much has to come before the next collection. */
export const GROWTH_BYTES = 48 * MIB
/** V8 keeps what it has once had. So much that it does not use is returned, but not more often than this. */
export const UNUSED_BYTES = 64 * MIB
export const RETURN_MS = 10_000
const EVERY_MS = 100

export interface MemoryUse {
  /** Objects that are alive, and garbage. */
  readonly heapBytes: number
  /** Buffers that objects hold outside of the heap. */
  readonly externalBytes: number
  /** What V8 has taken from the system for its heap. */
  readonly heapTakenBytes: number
}

export interface Memory {
  readonly used: () => MemoryUse
  /** Collects garbage, and returns to the system what is not used then. */
  readonly collect: () => void
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
  let left = 0
  let collectedAt = 0
  const timer = setInterval(() => {
    const { heapBytes, externalBytes, heapTakenBytes } = memory.used()
    const bytes = heapBytes + externalBytes
    const isLarge = heapBytes > LARGE_HEAP_BYTES || bytes > LARGE_BYTES
    const isUnused = heapTakenBytes - heapBytes > UNUSED_BYTES && Date.now() - collectedAt >= RETURN_MS
    if (!(isLarge && bytes >= left + GROWTH_BYTES) && !isUnused) return
    memory.collect()
    const after = memory.used()
    left = after.heapBytes + after.externalBytes
    collectedAt = Date.now()
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
    // The usual kind keeps the pages: 286 MB stayed 270, and become 64 like this (42 instead of 11 ms).
    collect: () => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
  }
}
