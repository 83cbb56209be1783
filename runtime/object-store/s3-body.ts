import { Readable } from 'node:stream'

type Progress = (sent: 'half' | 'all-but-last') => Promise<void> | undefined

/**
 * A request body out of pieces. What stands before a progress point is handed to the socket before the point is
 * reported, because the stream asks for more only then.
 */
export function bodyStream(pieces: readonly Buffer[], onProgress?: Progress): Readable {
  return Readable.from(parts(pieces, onProgress), { objectMode: false, highWaterMark: 1 })
}

async function* parts(pieces: readonly Buffer[], onProgress?: Progress): AsyncGenerator<Buffer> {
  const total = pieces.reduce((sum, piece) => sum + piece.length, 0)
  const half = total >> 1
  if (onProgress === undefined) {
    yield* slice(pieces, 0, total)
    return
  }
  yield* slice(pieces, 0, half)
  await onProgress('half')
  yield* slice(pieces, half, total - 1)
  await onProgress('all-but-last')
  yield* slice(pieces, total - 1, total)
}

function* slice(pieces: readonly Buffer[], from: number, to: number): Generator<Buffer> {
  let start = 0
  for (const piece of pieces) {
    const part = piece.subarray(Math.max(from - start, 0), Math.max(to - start, 0))
    start += piece.length
    if (part.length > 0) yield part
  }
}
