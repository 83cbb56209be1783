import { getHeapStatistics } from 'node:v8'

/** Usual load stays below: the bytes of events lie outside of the heap. */
export const COLLECT_FROM_BYTES = 112 * 1024 * 1024
const EVERY_MS = 250

export interface Heap {
  /** What is alive, and garbage. */
  readonly usedBytes: () => number
  readonly collect: () => void
}

/**
 * Collects garbage when the heap has grown large. V8 lets it grow to nearly four times what is alive before it collects
 * by itself, and a flood of tiny records makes much of both: a worker would be twice as large as it may. Letting V8 grow
 * the heap less would cost every event a tenth more CPU time (docs/decisions/worker-memory.md).
 *
 * Does not keep the process alive. Null, where it was not started with `--expose-gc`: does nothing.
 */
export function guardHeap(heap: Heap | null): void {
  if (heap === null) return
  const timer = setInterval(() => {
    if (heap.usedBytes() > COLLECT_FROM_BYTES) heap.collect()
  }, EVERY_MS)
  timer.unref()
}

/** The heap of this process; null where it was not started with `--expose-gc`. */
export function ownHeap(): Heap | null {
  const { gc } = globalThis
  if (gc === undefined) return null
  return { usedBytes: () => getHeapStatistics().used_heap_size, collect: () => void gc() }
}
