/** The request's body: taken from the socket at once, decoded while it arrives. */
import type { IncomingMessage } from 'node:http'
import { pipeline, Readable, type Transform } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { EngineException, notImplemented } from './exception.ts'
import { Lz4FrameDecoder } from './lz4-frame.ts'
import { header } from './request.ts'

/** Bytes that are taken from the socket before anybody asks for them. */
const AHEAD_BYTES = 1 << 20

export interface BodyReader {
  /** The next chunk, null at the end. Rejects when the body was cut short or cannot be decoded. */
  next(): Promise<Buffer | null>
}

export function decodedBody(message: IncomingMessage): BodyReader {
  const decoder = contentDecoder(header(message, 'content-encoding')?.trim().toLowerCase() ?? '')
  const plain = eagerReader(message)
  return decoder === null ? plain : decode(plain, decoder)
}

/**
 * Node throws away what it holds of a request whose connection breaks, even when all of it had arrived. A client may
 * leave once it has sent its rows, so they are taken over here as they come.
 */
function eagerReader(message: IncomingMessage): BodyReader {
  const queue: Buffer[] = []
  let queued = 0
  let end: 'open' | 'whole' | Error = 'open'
  let wake = () => {}
  const settle = (how: 'whole' | Error) => {
    if (end === 'open') end = how
    wake()
  }
  message.on('data', (chunk: Buffer) => {
    queue.push(chunk)
    queued += chunk.length
    if (queued >= AHEAD_BYTES) message.pause()
    wake()
  })
  message.on('end', () => settle('whole'))
  message.on('error', (error) => settle(error))
  message.on('close', () => settle(new Error('the connection was closed')))
  const next = async (): Promise<Buffer | null> => {
    for (;;) {
      const chunk = queue.shift()
      if (chunk !== undefined) {
        queued -= chunk.length
        if (queued < AHEAD_BYTES && message.isPaused()) message.resume()
        return chunk
      }
      if (end === 'whole') return null
      if (end !== 'open') throw end
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return { next }
}

function decode(source: BodyReader, decoder: Transform): BodyReader {
  pipeline(Readable.from(chunks(source)), decoder, () => {})
  const iterator: AsyncIterator<Buffer> = decoder[Symbol.asyncIterator]()
  return {
    next: async () => {
      const step = await iterator.next()
      return step.done === true ? null : step.value
    },
  }
}

async function* chunks(source: BodyReader): AsyncGenerator<Buffer> {
  for (let chunk = await source.next(); chunk !== null; chunk = await source.next()) yield chunk
}

function contentDecoder(encoding: string): Transform | null {
  switch (encoding) {
    case '':
    case 'identity':
      return null
    case 'gzip':
    case 'x-gzip':
      return createGunzip()
    case 'deflate':
      return createInflate()
    case 'br':
      return createBrotliDecompress()
    case 'zstd':
      return createZstdDecompress()
    case 'lz4':
      return new Lz4FrameDecoder()
    case 'snappy':
    case 'xz':
    case 'bz2':
      throw notImplemented(`Content-Encoding: ${encoding}`)
    default:
      throw new EngineException(48, 'NOT_IMPLEMENTED', `Unknown compression method: ${encoding}.`)
  }
}
