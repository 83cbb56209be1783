import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs'

const TAIL_BYTES = 256 * 1024

/** Where a log that is appended to ends now; 0 where there is none yet. */
export function endOfLog(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

/**
 * The code of the error for which a program says, behind byte `from` of its log, that it ends; null where it says none.
 * What it logs besides, a stopped partition for example, is no cause of its end.
 */
export function lastFatalCode(file: string, from: number): string | null {
  return (
    tailOf(file, from)
      .split('\n')
      .map(fatalCode)
      .findLast((code) => code !== null) ?? null
  )
}

function tailOf(file: string, from: number): string {
  const log = openSync(file, 'r')
  try {
    const { size } = fstatSync(log)
    const start = Math.max(from, size - TAIL_BYTES)
    const bytes = Buffer.alloc(Math.max(0, size - start))
    const read = readSync(log, bytes, 0, bytes.length, start)
    return bytes.toString('utf8', 0, read)
  } finally {
    closeSync(log)
  }
}

/** Of one line, as `runtime/log.ts` writes it. */
function fatalCode(line: string): string | null {
  if (!line.includes('"fatal"')) return null
  try {
    const { level, err }: { level?: unknown; err?: { code?: unknown } } = JSON.parse(line)
    return level === 'fatal' && typeof err?.code === 'string' ? err.code : null
  } catch {
    // A line that was cut by the bounds of the tail, or by the end of its writer.
    return null
  }
}
