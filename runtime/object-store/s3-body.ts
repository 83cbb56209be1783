import { Readable, type Writable } from 'node:stream'

type Progress = (sent: 'half' | 'all-but-last') => Promise<void> | undefined

/**
 * A request body made of several buffers that reports how much of it was sent: it writes to the request itself, and
 * reports a position only when the operating system has taken all bytes before it. The S3 client hands it the request through `pipe`.
 */
export class PiecesBody extends Readable {
  readonly #pieces: readonly Buffer[]
  readonly #onProgress: Progress | undefined

  constructor(pieces: readonly Buffer[], onProgress?: Progress) {
    super()
    this.#pieces = pieces
    this.#onProgress = onProgress
  }

  override pipe<T extends NodeJS.WritableStream>(destination: T): T {
    if (!isWritable(destination)) throw new TypeError('a body is piped into a request')
    // A request that breaks reports it itself, to the client; here it only ends the writing.
    this.#send(destination).catch((error: unknown) => destination.destroy(asError(error)))
    return destination
  }

  async #send(request: Writable): Promise<void> {
    const total = this.#pieces.reduce((sum, piece) => sum + piece.length, 0)
    const half = total >> 1
    await this.#write(request, 0, half)
    await this.#onProgress?.('half')
    await this.#write(request, half, total - 1)
    await this.#onProgress?.('all-but-last')
    await this.#write(request, total - 1, total)
    request.end()
  }

  /** Resolves when the system has taken the bytes `from`..`to`. */
  #write(request: Writable, from: number, to: number): Promise<void> {
    return new Promise((resolve, reject) => {
      let waiting = 1
      const done = (error?: Error | null) => {
        if (error) reject(error)
        else if (--waiting === 0) resolve()
      }
      for (const part of slice(this.#pieces, from, to)) {
        waiting++
        request.write(part, done)
      }
      done()
    })
  }
}

function* slice(pieces: readonly Buffer[], from: number, to: number): Generator<Buffer> {
  let start = 0
  for (const piece of pieces) {
    const part = piece.subarray(Math.max(from - start, 0), Math.max(to - start, 0))
    start += piece.length
    if (part.length > 0) yield part
  }
}

function isWritable(stream: NodeJS.WritableStream): stream is NodeJS.WritableStream & Writable {
  return 'destroy' in stream
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error('the body could not be written', { cause: error })
}
