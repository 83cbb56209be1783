/** Runs a statement that answers with a result: the engine writes it into a pipe, the answer streams from it. */
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import type { Connection, ReadOutcome } from './engine.ts'
import { type FifoPool, openForReading } from './fifo.ts'
import type { Running } from './running.ts'

export interface ReadOptions {
  readonly connection: Connection
  readonly fifos: FifoPool
  readonly running: Running
  readonly statement: (pipe: string) => string
  readonly format: string
}

export interface ReadStream {
  readonly bytes: Readable
  /** How the statement ended. Awaited after `bytes` has ended. */
  readonly outcome: Promise<ReadOutcome>
  /** Cancels the statement and lets go of everything; returns when the engine has let go too. */
  finish(): Promise<void>
}

export async function runRead(options: ReadOptions): Promise<ReadStream> {
  const path = await options.fifos.take()
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
  return {
    bytes,
    outcome,
    finish: async () => {
      const closed = bytes.destroyed ? null : new Promise((resolve) => bytes.once('close', resolve))
      bytes.destroy()
      if (!ended) await options.running.kill(path, settled)
      await settled
      await closed
      options.fifos.give(path)
    },
  }
}
