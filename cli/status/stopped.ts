import { readFile } from 'node:fs/promises'

/** A partition that a worker group cannot go on with, as the group's committed offsets tell it. */
export interface StoppedEntry {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly code: string
  /** ISO 8601. */
  readonly since: string
  /** What to do. */
  readonly remedy: string
}

export interface StopNote {
  readonly code: string
  /** Milliseconds since the Unix epoch. */
  readonly since: number
}

/** Offsets of a group, as Kafka's admin client gives them. */
export type GroupOffsets = readonly {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number; readonly metadata: string | null }[]
}[]

const MAX_NOTE_LENGTH = 1_024
/** The engine writes `unknown` for an error that is none of Daybook's. */
const CODE = /^(?:DAYBOOK(?:_[A-Z0-9]+)+|unknown)$/
const MAX_TIME_MS = 8.64e15
const PAGES = new URL('../../docs/errors/', import.meta.url)

/** What the engine commits with the offset of a stopped partition; null for anything else: everybody may commit. */
export function parseStopNote(text: string | null): StopNote | null {
  if (text === null || text.length > MAX_NOTE_LENGTH) return null
  const value = parsed(text)
  if (typeof value !== 'object' || value === null || !('stopped' in value) || !('since' in value)) return null
  const { stopped: code, since } = value
  if (typeof code !== 'string' || !CODE.test(code) || typeof since !== 'number') return null
  if (!Number.isInteger(since) || since < 0 || since > MAX_TIME_MS) return null
  return { code, since }
}

export async function stoppedOf(group: string, offsets: GroupOffsets): Promise<readonly StoppedEntry[]> {
  const entries = offsets.flatMap(({ topic, partitions }) =>
    partitions.map(async ({ partition, metadata }) => {
      const note = parseStopNote(metadata)
      if (note === null) return []
      const { code, since } = note
      const remedy = await remedyOf(code)
      return [{ ...{ group, topic, partition, code }, since: new Date(since).toISOString(), remedy }]
    }),
  )
  return (await Promise.all(entries)).flat()
}

/** How the code's page says that it is mended. */
async function remedyOf(code: string): Promise<string> {
  if (code === 'unknown') return "The worker's log of that time has the error; it is none of Daybook's own."
  const page = await readFile(new URL(`${code}.md`, PAGES), 'utf8').catch(() => '')
  const [, remedy] = /\*How to fix\.?\*+\s+([\s\S]*?)(?:\n\n|\s*$)/.exec(page) ?? []
  return remedy?.replaceAll('\n', ' ') ?? `See docs/errors/${code}.md of the version that the workers run.`
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
