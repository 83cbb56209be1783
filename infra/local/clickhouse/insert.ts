/** Runs an INSERT whose rows arrive with the request: the body streams into the running statement through a pipe. */
import { writev } from 'node:fs'
import { promisify } from 'node:util'
import type { BodyReader } from './body.ts'
import type { Connection, WriteOutcome } from './engine.ts'
import { EngineException } from './exception.ts'
import { closeDescriptor, openForWriting, type PipePool } from './named-pipes.ts'
import type { Running } from './running.ts'

const writeAll = promisify(writev)

/** Bytes that may wait while the engine is busy, before the client is held back. */
const AHEAD_BYTES = 4 << 20

export interface InsertOptions {
  readonly connection: Connection
  readonly pipes: PipePool
  readonly running: Running
  readonly statement: (pipe: string) => string
  /** What stood behind the statement in the bytes that were read already. */
  readonly head: Buffer
  readonly body: BodyReader
  readonly receiveTimeoutMs: number
}

/**
 * Resolves when the rows are in the table. A body that is cut short, cannot be decoded or stalls makes the engine
 * cancel the statement: nothing of the block it was reading is inserted, and this rejects.
 */
export async function runInsert(options: InsertOptions): Promise<WriteOutcome> {
  const path = await options.pipes.take()
  const pipe = openForWriting(path)
  const outcome = options.connection.insert(options.statement(path))
  const settled = outcome.then(
    () => null,
    () => null,
  )
  const fd = await Promise.race([pipe.opened, settled])
  if (fd === null) {
    // The statement failed before it opened its pipe: end our own open(), which still waits for a reader.
    await pipe.release()
    options.pipes.give(path)
    return outcome
  }
  const cut = await feed(options, path, fd, settled)
  await closeDescriptor(fd)
  await settled
  options.pipes.give(path)
  if (cut !== null) {
    outcome.catch(() => {})
    throw cut
  }
  return outcome
}

/** Null: the whole body was written, or the engine wants no more. Else why the statement was cancelled. */
async function feed(
  options: InsertOptions,
  path: string,
  fd: number,
  settled: Promise<null>,
): Promise<EngineException | null> {
  const cancelled = options.running.open(path)
  const stop = Promise.race([settled, cancelled.promise])
  try {
    await pump(options, fd, stop)
    return null
  } catch (error) {
    await options.running.kill(path, settled)
    if (error instanceof EngineException) return error
    return new EngineException(
      33,
      'CANNOT_READ_ALL_DATA',
      `The request's body did not arrive whole: ${String(error)}`,
    )
  } finally {
    cancelled.close()
  }
}

async function pump(options: InsertOptions, fd: number, stop: Promise<null>): Promise<void> {
  let waiting: Buffer[] = options.head.length > 0 ? [options.head] : []
  let waitingBytes = options.head.length
  let writing: Promise<void> | null = null
  let open = true
  const flush = () => {
    const batch = waiting
    waiting = []
    waitingBytes = 0
    writing = write(fd, batch).then((more) => {
      writing = null
      open &&= more
      // What came meanwhile must not wait for the next chunk: the client may send none for long.
      if (open && waitingBytes > 0) flush()
    })
  }
  while (open) {
    if (writing === null && waitingBytes > 0) flush()
    const chunk = await nextChunk(options, stop)
    if (chunk === null) break
    waiting.push(chunk)
    waitingBytes += chunk.length
    if (waitingBytes >= AHEAD_BYTES && writing !== null) await writing
  }
  while (writing !== null) await writing
}

/** The next chunk; null at the end of the body and when the statement has ended or was killed. */
async function nextChunk(options: InsertOptions, stop: Promise<null>): Promise<Buffer | null> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () =>
      reject(
        new EngineException(
          209,
          'SOCKET_TIMEOUT',
          `Timeout exceeded while reading the body (${options.receiveTimeoutMs} ms).`,
        ),
      ),
    options.receiveTimeoutMs,
  )
  try {
    return await Promise.race([options.body.next(), stop, late])
  } finally {
    clearTimeout(timer)
  }
}

/** False: the engine closed its end. */
async function write(fd: number, batch: readonly Buffer[]): Promise<boolean> {
  let left = batch
  try {
    while (left.length > 0) {
      const { bytesWritten } = await writeAll(fd, left)
      left = behind(left, bytesWritten)
    }
    return true
  } catch {
    return false
  }
}

function behind(batch: readonly Buffer[], written: number): readonly Buffer[] {
  let skip = written
  const rest: Buffer[] = []
  for (const chunk of batch) {
    if (skip >= chunk.length) skip -= chunk.length
    else {
      rest.push(chunk.subarray(skip))
      skip = 0
    }
  }
  return rest
}
