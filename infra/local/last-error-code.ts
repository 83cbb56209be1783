import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'

const TAIL_BYTES = 256 * 1024

/** Where a log that is appended to ends now; 0 where there is none yet. */
export function endOfLog(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

/** The code of the last error that a log names behind byte `from`, for people to look up; null where it names none. */
export function lastErrorCode(file: string, from: number): string | null {
  const log = openSync(file, 'r')
  try {
    const { size } = fstatSync(log)
    const start = Math.max(from, size - TAIL_BYTES)
    const bytes = Buffer.alloc(Math.max(0, size - start))
    const read = readSync(log, bytes, 0, bytes.length, start)
    return (
      bytes
        .toString('latin1', 0, read)
        .match(/\bDAYBOOK_[A-Z0-9]+(?:_[A-Z0-9]+)+\b/g)
        ?.at(-1) ?? null
    )
  } finally {
    closeSync(log)
  }
}
