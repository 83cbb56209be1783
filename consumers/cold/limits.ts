import type { EngineLimits } from '../engine/options.ts'

const MIB = 1024 * 1024

/**
 * How much a cold worker takes in. A batch may unpack to 32 MiB, and while its object is made, its bytes stand in
 * memory three times: as they came, as rows, and packed. With these limits floods of such batches stay below 400 MiB
 * of memory in all.
 */
export const COLD_LIMITS = {
  concurrentDeliveries: 4,
  memoryBytes: 48 * MIB,
  memoryLowBytes: 24 * MIB,
} as const satisfies Partial<EngineLimits>

/** What the ranges hold whose objects are on their way; one alone may exceed it. */
export const DELIVERY_MEMORY_BYTES = 32 * MIB

/** Of objects that are read at the same time, as they are stored; one alone may exceed it. */
export const READ_MEMORY_BYTES = 32 * MIB
