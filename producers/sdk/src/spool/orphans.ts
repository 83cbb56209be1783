import { readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { ACK_FILE, AckFile, parseWatermark } from './ack-file.ts'
import type { Item, Span } from './entry.ts'
import type { FileSystem } from './file-system.ts'
import { isOwned } from './ownership.ts'
import { MAX_HEADER_BYTES, parseSegmentHeader, type Segment, segmentIndex } from './segment.ts'

/** `<instance>`, or `<instance>@<adopter>` once another instance has taken it over. */
const INSTANCE_DIRECTORY = /^([0-9a-f-]{36})(?:@([0-9a-f-]{36}))?$/

export interface OrphanEvents {
  /** A segment whose header cannot be read, so that none of its records can be sent: moves it out of the directory. */
  readonly onUnreadable: (path: string, name: string, bytes: number) => void
  readonly onFailure: (directory: string, error: unknown) => void
  readonly onBytes: (delta: number) => void
}

/**
 * Takes over the directories of dead processes, oldest first (instance ids grow with time). Renaming is atomic: of
 * two processes that see the same orphan one gets it.
 */
export async function adoptOrphans(
  o: { fs: FileSystem; root: string; instance: string } & OrphanEvents,
): Promise<Item[]> {
  const items: Item[] = []
  for (const name of readdirSync(o.root).sort()) {
    const match = INSTANCE_DIRECTORY.exec(name)
    const [, instance, adopter] = match ?? []
    if (instance === undefined || instance === o.instance || adopter === o.instance) continue
    if (await isOwned(join(o.root, adopter ?? instance))) continue
    const taken = join(o.root, `${instance}@${o.instance}`)
    if (!renamed(join(o.root, name), taken)) continue // Another process was faster.
    try {
      items.push(...(await itemsOf(taken, o)))
    } catch (error) {
      o.onFailure(taken, error)
    }
  }
  return items
}

function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to)
    return true
  } catch {
    return false
  }
}

async function itemsOf(directory: string, o: { fs: FileSystem } & OrphanEvents): Promise<Item[]> {
  const mark = parseWatermark(await readFile(join(directory, ACK_FILE)).catch(() => Buffer.alloc(0)))
  const ack = new AckFile({ fs: o.fs, directory })
  const owner = {
    settledThrough: (segment: Segment, end: number) => ack.write({ index: segment.index, offset: end }),
  }
  const items: Item[] = []
  for (const file of readdirSync(directory).sort()) {
    const index = segmentIndex(file)
    if (index === null) continue
    const path = join(directory, file)
    const size = statSync(path).size
    o.onBytes(size)
    const settled = index < (mark?.index ?? 0) || size === 0
    const span = settled ? null : await spanOf(path, index, size, owner, o)
    if (span !== null && mark?.index === index)
      span.from = Math.max(span.from, Math.min(mark.offset, span.to))
    if (span !== null && span.from < span.to) items.push(span)
    const pass = () => {
      o.onBytes(-size)
      rmSync(path, { force: true })
    }
    items.push({ kind: 'marker', settled: true, pass })
  }
  const pass = () => {
    ack.close()
    rmSync(directory, { recursive: true, force: true })
  }
  items.push({ kind: 'marker', settled: true, pass })
  return items
}

async function spanOf(
  path: string,
  index: number,
  size: number,
  owner: Segment['owner'],
  o: { fs: FileSystem } & OrphanEvents,
): Promise<Span | null> {
  const name = `${basename(join(path, '..'))}/${basename(path)}`
  const header = parseSegmentHeader(await o.fs.read(path, 0, Math.min(size, MAX_HEADER_BYTES)))
  if (header === null) {
    o.onUnreadable(path, name, size)
    return null
  }
  const segment: Segment = { owner, path, name, index, schema: header.schema, start: header.start }
  return { kind: 'span', segment, from: header.start, to: size, own: false }
}
