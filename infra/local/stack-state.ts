import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Endpoints } from '../../operations/endpoints.ts'
import { tryLock } from './file-lock.ts'

/** What a running start publishes about itself, in `<data directory>/stack.json`. */
export interface StackState {
  readonly pid: number
  readonly endpoints: Endpoints
  readonly bucket: string
  readonly topics: readonly string[]
  readonly quarantineTopic: string
  readonly logDir: string
}

export interface Claim {
  /** Makes the state readable for others. */
  publish(state: StackState): void
  /** Deletes all that is in the data directory. */
  wipe(): void
  release(): void
}

const LOCK = 'stack.lock'
const STATE = 'stack.json'
const KEPT_BY_WIPE = [LOCK, 'install.lock']

/** Takes a data directory for this process; null when another start has it. */
export function claimDataDir(dataDir: string): Claim | null {
  const lock = tryLock(join(dataDir, LOCK))
  if (lock === null) return null
  const remove = (name: string) => rmSync(join(dataDir, name), { recursive: true, force: true })
  // A start that was killed has left its state; it is not true any more.
  remove(STATE)
  return {
    // The credentials of the local stack are in it.
    publish: (state) => writeFileSync(join(dataDir, STATE), JSON.stringify(state, null, 2), { mode: 0o600 }),
    wipe: () =>
      readdirSync(dataDir)
        .filter((name) => !KEPT_BY_WIPE.includes(name))
        .forEach(remove),
    release: () => {
      remove(STATE)
      lock.release()
    },
  }
}

/** The state of the start that has this data directory; null when none is up (or it is not ready yet). */
export function runningStack(dataDir: string): StackState | null {
  const lock = tryLock(join(dataDir, LOCK))
  if (lock !== null) {
    lock.release()
    return null
  }
  try {
    return JSON.parse(readFileSync(join(dataDir, STATE), 'utf8'))
  } catch {
    return null
  }
}
