/** HTTP sessions: an engine connection that outlives its request, with its temporary tables and settings. */
import type { Connection, Engine } from './engine.ts'
import { EngineException } from './exception.ts'

export interface SessionWish {
  /** Sessions of different users never meet. */
  readonly user: string
  readonly id: string
  readonly timeoutMs: number
  /** The session must be there already. */
  readonly mustExist: boolean
}

export interface Lease {
  readonly connection: Connection
  /** Must be called once, when no statement runs on the connection. */
  release(): void
}

export interface Sessions {
  /** Throws SESSION_IS_LOCKED while another request of the session runs, SESSION_NOT_FOUND as `mustExist` asks. */
  lease(wish: SessionWish): Lease
  close(): void
}

interface Held {
  readonly connection: Connection
  busy: boolean
  expiry: NodeJS.Timeout | undefined
}

export function createSessions(engine: Engine): Sessions {
  const held = new Map<string, Held>()
  const drop = (key: string) => {
    held.get(key)?.connection.close()
    held.delete(key)
  }
  const find = (key: string, wish: SessionWish): Held => {
    const known = held.get(key)
    if (known?.busy === true) {
      throw new EngineException(
        373,
        'SESSION_IS_LOCKED',
        `Session ${wish.id} is locked by a concurrent client.`,
      )
    }
    if (known !== undefined) return known
    if (wish.mustExist) throw new EngineException(372, 'SESSION_NOT_FOUND', `Session ${wish.id} not found.`)
    const made: Held = { connection: engine.connect(), busy: false, expiry: undefined }
    held.set(key, made)
    return made
  }
  return {
    lease: (wish) => {
      const key = JSON.stringify([wish.user, wish.id])
      const session = find(key, wish)
      clearTimeout(session.expiry)
      session.busy = true
      return {
        connection: session.connection,
        release: () => {
          session.busy = false
          session.expiry = setTimeout(() => drop(key), wish.timeoutMs)
          session.expiry.unref()
        },
      }
    },
    close: () => {
      for (const key of [...held.keys()]) {
        clearTimeout(held.get(key)?.expiry)
        drop(key)
      }
    },
  }
}

/** A connection for one request alone. */
export function ownConnection(engine: Engine): Lease {
  const connection = engine.connect()
  return { connection, release: () => connection.close() }
}
