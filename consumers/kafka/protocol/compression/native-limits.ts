const LEAST_CHUNK_BYTES = 16_384
const LARGEST_CHUNK_BYTES = 1_048_576

/**
 * How node:zlib is to put out at most `maxBytes`. It takes memory chunk by chunk as output comes, whatever a header
 * claims; one chunk holds what usually comes of so much input, so that nothing need be copied together.
 */
export function nativeLimits(inputBytes: number, maxBytes: number) {
  const chunkSize = Math.max(LEAST_CHUNK_BYTES, Math.min(inputBytes * 4, LARGEST_CHUNK_BYTES))
  return { maxOutputLength: Math.max(1, maxBytes), chunkSize }
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
