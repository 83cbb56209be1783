/** Runs a statement that answers with a result: the engine writes it into a pipe, the answer streams from it. */
import { constants, openSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Connection, ReadOutcome } from './engine.ts'
import { openForReading, type PipePool } from './named-pipes.ts'
import type { Running } from './running.ts'

export interface ReadOptions {
  readonly connection: Connection
  readonly pipes: PipePool
  readonly running: Running
  readonly statement: (pipe: string) => string
  readonly format: string
}

export interface ReadStream {
  readonly bytes: Readable
  /** How the statement ended. Awaited after `bytes` has ended. */
  readonly outcome: Promise<ReadOutcome>
  /** Cancels the statement and releases the pipe; returns when the engine has released it too. */
  finish(): Promise<void>
}

export async function runRead(options: ReadOptions): Promise<ReadStream> {
  const path = await options.pipes.take()
  const end = openForReading(path)
  const bytes = new Socket({ fd: end.fd, readable: true, writable: false })
  const outcome = options.connection.run(options.statement(path), options.format)
  const settled = outcome.then(
    () => null,
    () => null,
  )
  let ended = false
  settled.then(() => {
    ended = true
    end.closeHold()
  })
  const letGo = async () => {
    // The engine's open() and write() wait for a reader, so somebody must read until the statement has ended.
    const drain = ended ? null : drainPipe(path)
    const closed = bytes.closed ? null : new Promise((resolve) => bytes.once('close', resolve))
    bytes.destroy()
    if (!ended) await options.running.kill(path, settled)
    await settled
    await closed
    await drain?.closed
    options.pipes.give(path)
  }
  let finished: Promise<void> | undefined
  return {
    bytes,
    outcome,
    finish: () => {
      finished ??= letGo()
      return finished
    },
  }
}

function drainPipe(path: string): { readonly closed: Promise<unknown> } {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const drain = new Socket({ fd, readable: true, writable: false })
  drain.resume()
  return { closed: new Promise((resolve) => drain.once('close', resolve)) }
}
