import { isTooLarge } from './output-too-large.ts'

export const LEAST_CHUNK_BYTES = 16_384
const LARGEST_CHUNK_BYTES = 1_048_576

/** More than so many chunks come of no usual input. */
const MOST_CHUNKS = 16

interface NativeLimits {
  readonly maxOutputLength: number
  readonly chunkSize: number
}

/**
 * Lets node:zlib put out at most `maxBytes`. It takes memory chunk by chunk as output comes, whatever a header claims;
 * one chunk holds what usually comes of so much input, so that nothing need be copied together. Where very much comes of
 * it, it begins anew with large chunks: thousands of small ones leave the process full of holes.
 * @param statedBytes how much the input says will come, which may be wrong; where that is very much, it is one chunk
 */
export function unpackNatively<T>(
  inputBytes: number,
  maxBytes: number,
  unpack: (limits: NativeLimits) => T,
  statedBytes: number | null = null,
): T {
  const chunkSize = Math.max(LEAST_CHUNK_BYTES, Math.min(inputBytes * 4, LARGEST_CHUNK_BYTES))
  const usualBytes = MOST_CHUNKS * chunkSize
  if (statedBytes !== null && statedBytes > usualBytes && statedBytes <= maxBytes)
    // One byte more than comes, or node:zlib makes room for what might still come.
    return unpack({ maxOutputLength: maxBytes, chunkSize: statedBytes + 1 })
  if (usualBytes >= maxBytes) return unpack({ maxOutputLength: Math.max(1, maxBytes), chunkSize })
  try {
    return unpack({ maxOutputLength: usualBytes, chunkSize })
  } catch (error) {
    if (!isTooLarge(error)) throw error
    return unpack({ maxOutputLength: maxBytes, chunkSize: LARGEST_CHUNK_BYTES })
  }
}

/** Of a chunk that is mostly unused a copy: the rest would stay with what is read out of it. */
export function withoutRest(output: Buffer, chunkBytes: number): Buffer {
  return output.length < chunkBytes / 2 ? Buffer.from(output) : output
}

/** A call into node:zlib costs as much as a kilobyte of events, so a batch may have only so many of them. */
export function maxNativeCalls(inputBytes: number): number {
  return 16 + inputBytes / 256
}

interface Consumed {
  readonly buffer: Buffer
  /** Bytes of the input that were used. */
  readonly consumed: number
}

/** What a call of node:zlib with `info: true` gives, which its type declarations leave out. */
export function withConsumed(result: unknown): Consumed {
  const { buffer, engine } = result as {
    readonly buffer: Buffer
    readonly engine: { readonly bytesWritten: number }
  }
  return { buffer, consumed: engine.bytesWritten }
}
