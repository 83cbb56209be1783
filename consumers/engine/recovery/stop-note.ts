/** What is committed with the offset of a stopped partition, for whoever looks at the group. */
export interface StopNote {
  /** A code of Daybook's, or `unknown` for an error that is none. */
  readonly code: string
  /** Milliseconds since the Unix epoch. */
  readonly since: number
}

const MAX_NOTE_LENGTH = 1_024
const CODE = /^(?:DAYBOOK(?:_[A-Z0-9]+)+|unknown)$/
const MAX_TIME_MS = 8.64e15

export function encodeStopNote({ code, since }: StopNote): string {
  return JSON.stringify({ stopped: code, since })
}

/** Null for anything else: everybody who may commit can write it. */
export function parseStopNote(text: string | null): StopNote | null {
  if (text === null || text.length > MAX_NOTE_LENGTH) return null
  const value = parsed(text)
  if (typeof value !== 'object' || value === null || !('stopped' in value) || !('since' in value)) return null
  const { stopped: code, since } = value
  if (typeof code !== 'string' || !CODE.test(code) || typeof since !== 'number') return null
  if (!Number.isInteger(since) || since < 0 || since > MAX_TIME_MS) return null
  return { code, since }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
