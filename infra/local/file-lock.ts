import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { waitUntil } from '../../runtime/wait-until.ts'

export interface FileLock {
  release(): void
}

const SQLITE_BUSY = 5
const POLL_MS = 200

/**
 * Takes an exclusive lock on a file, or returns null when another process holds it.
 *
 * The kernel holds the lock for the process, so it is gone with the process however that ends, and no process id
 * has to be trusted. SQLite is the one way to such a lock that Node offers without a native dependency.
 */
export function tryLock(path: string): FileLock | null {
  mkdirSync(dirname(path), { recursive: true })
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return null
    throw error
  }
  return { release: () => database.close() }
}

/** Waits until the lock is free. `onWait` is called once when it is not free at first. */
export async function lock(path: string, onWait: () => void): Promise<FileLock> {
  const held = tryLock(path)
  if (held !== null) return held
  onWait()
  return waitUntil(
    async () => tryLock(path),
    (found) => found !== null,
    { pauseMs: POLL_MS },
  )
}
