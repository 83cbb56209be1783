import { closeSync, mkdirSync, openSync, renameSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { DaybookError } from '../../../../schemas/errors.ts'

export const SOCKET_FILE = 'owner.sock'
/** sun_path holds 108 bytes with its closing zero. */
const MAX_SOCKET_PATH_BYTES = 107
const BACKLOG = 511

/**
 * A living process's claim on an instance directory: a Unix socket in it that accepts. The kernel accepts for a
 * stopped or busy process too, and refuses as soon as the process is gone, however it ended; process ids repeat in
 * containers and say nothing.
 */
export interface Ownership {
  readonly path: string
  close(): Promise<void>
}

/**
 * Makes `<root>/<instance>`, owned. It appears under its name only when its socket accepts, so no other process can
 * take it for an orphan. Synchronous: the first emit follows at once.
 */
export function claimInstance(root: string, instance: string): Ownership {
  const birthplace = join(root, `.new-${instance}`)
  const path = join(root, instance)
  mkdirSync(birthplace, { mode: 0o700 })
  const address = socketAddress(birthplace)
  const server = createServer((socket) => socket.destroy())
  let failure: unknown = null
  server.on('error', (error) => {
    failure = error
  })
  server.listen({ path: address.path, backlog: BACKLOG, exclusive: true })
  server.unref()
  if (!server.listening) {
    address.release()
    throw unusable(root, failure ?? 'a Unix socket cannot be made there')
  }
  renameSync(birthplace, path)
  return { path, close: () => closeServer(server).then(address.release) }
}

/** True when the process that owns `directory` is alive. */
export function isOwned(directory: string): Promise<boolean> {
  return new Promise((resolve) => {
    const address = socketAddress(directory)
    const socket = connect({ path: address.path })
    const end = (owned: boolean) => {
      socket.destroy()
      address.release()
      resolve(owned)
    }
    socket.on('connect', () => end(true))
    // A full accept queue (EAGAIN) belongs to a living process; when in doubt, leave the directory alone.
    socket.on('error', (error) => end(!(codeOf(error) === 'ECONNREFUSED' || codeOf(error) === 'ENOENT')))
  })
}

/** A path for the socket that fits sun_path; Linux reaches a long one through an open directory. */
function socketAddress(directory: string): { path: string; release: () => void } {
  const path = join(directory, SOCKET_FILE)
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return { path, release: () => undefined }
  if (process.platform !== 'linux') throw unusable(directory, 'its path is too long for a Unix socket')
  const fd = openSync(directory, 'r')
  let open = true
  const release = () => {
    if (open) closeSync(fd)
    open = false
  }
  return { path: `/proc/self/fd/${fd}/${SOCKET_FILE}`, release }
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

export function unusable(directory: string, cause: unknown): DaybookError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new DaybookError(
    'DAYBOOK_SDK_SPOOL_UNUSABLE',
    `The spool directory ${directory} cannot be used: ${why}. Name a writable directory on a local disk, or use spool: 'memory'.`,
    { cause, details: { directory } },
  )
}
