import { getHeapStatistics } from 'node:v8'

const MIB = 1024 * 1024
/** Usual load stays below both. */
export const LARGE_HEAP_BYTES = 112 * MIB
export const LARGE_BYTES = 256 * MIB
/** What is alive may be large: so much has to come before the next collection. */
export const GROWTH_BYTES = 48 * MIB
const EVERY_MS = 100

export interface Memory {
  /** What is alive, and garbage: objects, and the buffers that they hold outside of the heap. */
  readonly used: () => { readonly heapBytes: number; readonly externalBytes: number }
  readonly collect: () => void
}

/**
 * Collects garbage when there is much. V8 lets its heap grow to nearly four times what is alive before it collects by
 * itself, and takes little account of buffers; a flood of tiny records makes much of the one, a flood of large batches
 * of the other: a worker would be twice as large as it may. Letting V8 grow the heap less would cost every event a tenth
 * more CPU time (docs/decisions/worker-memory.md).
 *
 * Does not keep the process alive. Null, where it was not started with `--expose-gc`: does nothing.
 */
export function guardMemory(memory: Memory | null): void {
  if (memory === null) return
  let left = 0
  const timer = setInterval(() => {
    const { heapBytes, externalBytes } = memory.used()
    const bytes = heapBytes + externalBytes
    if (heapBytes <= LARGE_HEAP_BYTES && bytes <= LARGE_BYTES) return
    if (bytes < left + GROWTH_BYTES) return
    memory.collect()
    const after = memory.used()
    left = after.heapBytes + after.externalBytes
  }, EVERY_MS)
  timer.unref()
}

/** The memory of this process; null where it was not started with `--expose-gc`. */
export function ownMemory(): Memory | null {
  const { gc } = globalThis
  if (gc === undefined) return null
  return {
    used: () => {
      const { used_heap_size: heapBytes, external_memory: externalBytes } = getHeapStatistics()
      return { heapBytes, externalBytes }
    },
    collect: () => void gc(),
  }
}
