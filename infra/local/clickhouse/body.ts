/** The request's body, decoded while it arrives. */
import type { IncomingMessage } from 'node:http'
import type { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream'
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'
import { EngineException, notImplemented } from './exception.ts'
import { Lz4FrameDecoder } from './lz4-frame.ts'
import { type FaceRequest, header } from './request.ts'

/** Ends normally only when the whole body arrived and was sound; else fails. */
export function decodedBody(message: IncomingMessage, request: FaceRequest): Readable {
  const encoding = header(message, 'content-encoding')?.trim().toLowerCase() ?? ''
  const steps: Transform[] = []
  const decoder = contentDecoder(encoding)
  if (decoder !== null) steps.push(decoder)
  if (request.decompressBlocks) throw notImplemented('decompress=1 (compressed blocks)')
  let last: Readable = message
  for (const step of steps) {
    pipeline(last, step, () => {})
    last = step
  }
  return last
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

/** Reads a stream by hand, so that the first bytes can be looked at before the rest is passed on. */
export interface BodyReader {
  /** The next chunk, null at the end. Rejects when the body is cut short or cannot be decoded. */
  next(): Promise<Buffer | null>
}

export function bodyReader(stream: Readable): BodyReader {
  const iterator: AsyncIterator<Buffer> = stream[Symbol.asyncIterator]()
  return {
    next: async () => {
      const step = await iterator.next()
      return step.done === true ? null : step.value
    },
  }
}
