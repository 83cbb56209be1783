/** Statements in flight, found in the engine's process list by the pipe that their text names. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine } from './engine.ts'

const POLL_MS = 10

export interface Running {
  /** Registers an insert that waits on the pipe; `promise` resolves when somebody killed it. */
  open(path: string): { readonly promise: Promise<null>; close(): void }
  /** Asks the engine to cancel the statement on the pipe; returns when it is marked, or has ended. */
  kill(path: string, ended: Promise<null>): Promise<void>
  /**
   * To be called around a client's KILL QUERY. The engine cannot wake a statement that waits in read(); so the
   * pipes of those that are marked as cancelled are closed from here.
   */
  duringKill<T>(work: Promise<T>): Promise<T>
}

export function trackRunning(engine: Engine): Running {
  const waiting = new Map<string, () => void>()
  const ask = async (sql: string): Promise<string> => {
    const connection = engine.connect()
    try {
      return (await connection.run(sql, 'TSVRaw')).bytes.toString()
    } finally {
      connection.close()
    }
  }
  const wake = async () => {
    if (waiting.size === 0) return
    const cancelled = await ask('SELECT query FROM system.processes WHERE is_cancelled')
    for (const [path, resolve] of waiting) if (cancelled.includes(`'${path}'`)) resolve()
  }
  return {
    open: (path) => {
      const { promise, resolve } = Promise.withResolvers<null>()
      waiting.set(path, () => resolve(null))
      return { promise, close: () => waiting.delete(path) }
    },
    kill: async (path, ended) => {
      let done = false
      ended.then(() => {
        done = true
      })
      const condition = `position(query, '''${path}''') > 0 AND query_id != queryID()`
      while (!done) {
        const killed = await ask(`KILL QUERY WHERE ${condition} ASYNC`)
        if (killed !== '') return
        await sleep(POLL_MS)
      }
    },
    duringKill: async (work) => {
      let done = false
      const finish = () => {
        done = true
      }
      work.then(finish, finish)
      while (!done) {
        await Promise.race([work.catch(() => {}), sleep(POLL_MS)])
        await wake()
      }
      return work
    },
  }
}
