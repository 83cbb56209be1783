import type { ObjectStore } from '../runtime/object-store/contract.ts'

/** What a key can name at the latest. */
const LAST_MINUTE_MS = Date.UTC(9999, 11, 31, 23, 59)

/** Year, month, day and hour, and the minute, which stands before the offset. */
const LEVELS = [
  { delimiter: '/', form: /^\d{4}$/ },
  { delimiter: '/', form: /^\d\d$/ },
  { delimiter: '/', form: /^\d\d$/ },
  { delimiter: '/', form: /^\d\d$/ },
  { delimiter: '-', form: /^\d\d$/ },
] as const

/**
 * The last minute up to `untilMs` in which objects of a partition begin, milliseconds since the Unix epoch; null: none.
 * What such an object holds may have been appended later, up to the minute of the object after it. Five requests,
 * however large the archive is.
 */
export async function lastMinute(
  store: Pick<ObjectStore, 'list'>,
  partitionPrefix: string,
  untilMs: number,
  signal?: AbortSignal,
): Promise<number | null> {
  if (untilMs < 0) return null
  const bound = new Date(Math.min(untilMs, LAST_MINUTE_MS)).toISOString().split(/[-T:]/)

  /** The parts of the newest path below `prefix`, at most the bound's where the path up to here is the bound's. */
  async function newest(prefix: string, depth: number, isBound: boolean): Promise<string[] | null> {
    const level = LEVELS[depth]
    if (level === undefined) return []
    const last = isBound ? (bound[depth] ?? '') : '9999'
    const parts: string[] = []
    for await (const entry of store.list({ prefix, delimiter: level.delimiter }, signal)) {
      const part = 'group' in entry ? entry.group.slice(prefix.length, -1) : ''
      if (level.form.test(part) && part <= last) parts.push(part)
    }
    for (const part of parts.sort().reverse()) {
      const rest = await newest(`${prefix}${part}${level.delimiter}`, depth + 1, isBound && part === last)
      if (rest !== null) return [part, ...rest]
    }
    return null
  }

  const path = await newest(partitionPrefix, 0, true)
  if (path === null) return null
  const [year, month, day, hour, minute] = path
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00.000Z`)
}
