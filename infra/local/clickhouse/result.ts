/** Sends the result of a reading statement. */

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Transform, Writable } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import { createBrotliCompress, createDeflate, createGzip, createZstdCompress } from 'node:zlib'
import type { Summary } from './answer.ts'
import type { ReadOutcome } from './engine.ts'
import { EngineException, parseEngineException } from './exception.ts'
import type { Ending, Exchange } from './exchange.ts'
import { Lz4FrameEncoder } from './lz4-frame.ts'
import { type ReadStream, runRead } from './read.ts'

/** Results up to this size are known to be whole before the status is sent. */
const HELD_BYTES = 256 << 10

type Statement = (path: string) => string

export async function sendResult(exchange: Exchange, statement: Statement, format: string): Promise<Ending> {
  if (exchange.request.waitEndOfQuery) return sendWhenEnded(exchange, statement, format)
  const read = await runRead({ ...exchange, statement, format })
  const gone = new AbortController()
  exchange.response.once('close', () => {
    gone.abort()
    void read.finish()
  })
  try {
    return await stream(exchange, read, format, gone.signal)
  } finally {
    await read.finish()
  }
}

async function stream(
  exchange: Exchange,
  read: ReadStream,
  format: string,
  gone: AbortSignal,
): Promise<Ending> {
  const { answer, response } = exchange
  const chunks: AsyncIterator<Buffer> = read.bytes[Symbol.asyncIterator]()
  const held: Buffer[] = []
  let heldBytes = 0
  let ended = false
  while (!ended && heldBytes <= HELD_BYTES) {
    const step = await chunks.next()
    ended = step.done === true
    if (step.done !== true) {
      held.push(step.value)
      heldBytes += step.value.length
    }
  }
  const summary = ended ? summaryOf(await read.outcome) : {}
  const { encoding, out, transform } = encoder(exchange)
  answer.begin(format, encoding, summary)
  for (const chunk of held) await write(out, chunk, gone)
  for (let step = await next(chunks, ended); step !== null; step = await next(chunks, false))
    await write(out, step, gone)
  const failure = await read.outcome.then(
    () => null,
    (error: unknown) => (error instanceof EngineException ? error : parseEngineException(String(error))),
  )
  if (failure === null) return () => finish(out, response)
  return () => {
    out.write(answer.trailer(failure))
    return cut(response, transform)
  }
}

async function next(chunks: AsyncIterator<Buffer>, ended: boolean): Promise<Buffer | null> {
  if (ended) return null
  const step = await chunks.next()
  return step.done === true ? null : step.value
}

/** With `wait_end_of_query=1` the engine writes a file, and nothing is sent before the statement has ended. */
async function sendWhenEnded(exchange: Exchange, statement: Statement, format: string): Promise<Ending> {
  const { answer, connection, response } = exchange
  const path = join(exchange.spoolDir, `result-${randomUUID()}`)
  const discard = () => rm(path, { force: true })
  const outcome = await connection.run(statement(path), format).catch(async (error: unknown) => {
    await discard()
    throw error
  })
  return async () => {
    try {
      const { encoding, out } = encoder(exchange)
      answer.begin(format, encoding, summaryOf(outcome))
      await pipeline(createReadStream(path), out, { end: false })
      await finish(out, response)
    } finally {
      await discard()
    }
  }
}

function summaryOf(outcome: ReadOutcome): Summary {
  const { resultRows, resultBytes } = outcome
  return { readRows: resultRows, readBytes: resultBytes, resultRows, resultBytes }
}

/** Encodings by the order in which the server prefers them. */
const ENCODERS: readonly (readonly [string, () => Transform])[] = [
  ['br', createBrotliCompress],
  ['gzip', createGzip],
  ['deflate', createDeflate],
  ['zstd', createZstdCompress],
  ['lz4', () => new Lz4FrameEncoder()],
]

interface Out {
  readonly encoding: string | null
  /** Where the result is written: the encoder, or the response itself. */
  readonly out: Writable
  readonly transform: Transform | null
}

function encoder(exchange: Exchange): Out {
  const accepted = exchange.request.acceptEncoding ?? ''
  const offered = accepted.split(',').map((part) => part.split(';')[0]?.trim().toLowerCase())
  const found = ENCODERS.find(([name]) => offered.includes(name))
  if (found === undefined) return { encoding: null, out: exchange.response, transform: null }
  const [encoding, create] = found
  const transform = create()
  transform.pipe(exchange.response)
  return { encoding, out: transform, transform }
}

/** Waits while the client takes its time; fails when it went away. */
async function write(out: Writable, chunk: Buffer, gone: AbortSignal): Promise<void> {
  gone.throwIfAborted()
  if (!out.write(chunk)) await once(out, 'drain', { signal: gone })
}

async function finish(out: Writable, response: Writable): Promise<void> {
  out.end()
  await finished(response)
}

/** Flushes what was written, then breaks the chunked encoding, so that no client takes the answer for complete. */
async function cut(response: ServerResponse, transform: Transform | null): Promise<void> {
  if (transform !== null) {
    transform.unpipe(response)
    transform.end()
    for await (const chunk of transform) response.write(chunk)
  }
  await new Promise((resolve) => response.write('', resolve))
  response.socket?.end()
}
