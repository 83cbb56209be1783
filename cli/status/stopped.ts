import { readFile } from 'node:fs/promises'
import { parseStopNote } from '../../consumers/engine/recovery/stop-note.ts'

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

/** Offsets of a group, as Kafka's admin client gives them. */
export type GroupOffsets = readonly {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number; readonly metadata: string | null }[]
}[]

const PAGES = new URL('../../docs/errors/', import.meta.url)

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
