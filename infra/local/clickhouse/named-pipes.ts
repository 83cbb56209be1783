/**
 * Named pipes between a request and the engine: the engine reads an INSERT's body from one (`FROM INFILE`, `file()`)
 * and writes a result into one (`INTO OUTFILE`). So bodies and results stream with the kernel's back-pressure and
 * never stand whole in memory or on disk.
 */
import { execFile } from 'node:child_process'
import { close as closeFd, closeSync, constants, open as openFd, openSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const openAsync = promisify(openFd)
const closeAsync = promisify(closeFd)

/** Pipes made by one start of `mkfifo`; more are made when all are in use. */
const BATCH = 32

export interface PipePool {
  /** A pipe that nobody has open. It must go back with every descriptor closed. */
  take(): Promise<string>
  give(path: string): void
}

export async function createPipePool(dir: string): Promise<PipePool> {
  await mkdir(dir, { recursive: true })
  const free: string[] = []
  let made = 0
  let growing: Promise<void> | undefined
  const grow = async () => {
    const paths = Array.from({ length: BATCH }, () => join(dir, `pipe-${process.pid}-${made++}`))
    await run('mkfifo', ['-m', '600', ...paths])
    free.push(...paths)
    growing = undefined
  }
  const take = async (): Promise<string> => {
    for (;;) {
      const path = free.pop()
      if (path !== undefined) return path
      growing ??= grow()
      await growing
    }
  }
  await grow()
  return { take, give: (path) => void free.push(path) }
}

/**
 * `opened` resolves when somebody opens `path` for reading. `release` ends the wait when nobody ever will: it must keep
 * its reading end until the waiting thread has passed, for that thread may not even have begun to wait.
 */
export function openForWriting(path: string): {
  readonly opened: Promise<number>
  release(): Promise<void>
} {
  const opened = openAsync(path, constants.O_WRONLY)
  return {
    opened,
    release: async () => {
      const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
      closeSync(await opened)
      closeSync(reader)
    },
  }
}

/**
 * The reading end, open now, and a writing end of our own: the reader sees the end of the data only after
 * `closeHold()` and after the engine has closed its end.
 */
export function openForReading(path: string): { readonly fd: number; closeHold(): void } {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const hold = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  let held = true
  return {
    fd,
    closeHold: () => {
      if (held) closeSync(hold)
      held = false
    },
  }
}

export const closeDescriptor = closeAsync
