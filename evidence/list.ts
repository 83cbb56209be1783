import { allEnded } from '../runtime/all-ended.ts'
import type { ListEntry, ObjectStore, StoredVersion } from '../runtime/object-store/contract.ts'
import { type ObjectName, objectKey, parseObjectKey, topicPrefix } from '../schemas/archive/key.ts'
import type { Archive, TimeRange } from './archive.ts'
import { lastMinute } from './last-minute.ts'

export interface ObjectFilter {
  readonly topic: string
  readonly topicId?: string
  readonly partition?: number
  /** By the minute of the key. An object also holds records that were appended after its minute. */
  readonly minutes?: TimeRange
  /** Only objects that may hold records which were appended from then on, milliseconds since the Unix epoch. */
  readonly heldSinceMs?: number
}

export interface ListedObject {
  readonly key: string
  readonly name: ObjectName
  /** The oldest version, which is the one that counts. */
  readonly version: StoredVersion
  /** Versions and delete markers besides the oldest version. Anything but 0 is tampering. */
  readonly extraVersions: number
  readonly deleteMarkers: number
}

/** Objects of a topic: by topic id, partition, and then in offset order. @throws DaybookError DAYBOOK_S3_… */
export async function* listObjects(
  archive: Pick<Archive, 'store'>,
  filter: ObjectFilter,
  signal?: AbortSignal,
): AsyncGenerator<ListedObject> {
  for (const prefix of await partitionPrefixes(archive.store, filter, signal)) {
    const fromMs = await firstMinute(archive.store, prefix, filter, signal)
    const after = startKey(prefix, fromMs)
    for await (const entry of archive.store.list({ prefix, ...(after === null ? {} : { after }) }, signal)) {
      const listed = asObject(entry)
      if (listed === null) continue
      if (listed.name.minute >= (filter.minutes?.toMs ?? Number.POSITIVE_INFINITY)) break
      if (listed.name.minute >= fromMs) yield listed
    }
  }
}

function asObject(entry: ListEntry): ListedObject | null {
  if (!('key' in entry)) return null
  const [name, version] = [parseObjectKey(entry.key), entry.versions[0]]
  if (name === null || version === undefined) return null
  const { key, versions, deleteMarkers } = entry
  return { key, name, version, extraVersions: versions.length - 1, deleteMarkers }
}

async function firstMinute(
  store: ObjectStore,
  prefix: string,
  { minutes, heldSinceMs }: ObjectFilter,
  signal?: AbortSignal,
): Promise<number> {
  const fromMs = minutes?.fromMs ?? 0
  if (heldSinceMs === undefined) return fromMs
  return Math.max(fromMs, (await lastMinute(store, prefix, heldSinceMs, signal)) ?? 0)
}

/** A key before all objects from `fromMs` on, so that a listing does not begin years too early. */
function startKey(prefix: string, fromMs: number): string | null {
  const match = /^v1\/([^/]+)\/([^/]+)\/p=(\d+)\/$/.exec(prefix)
  if (fromMs <= 0 || match === null) return null
  const [, topic = '', topicId = '', partition = ''] = match
  const key = objectKey({ topic, topicId, partition: Number(partition), minute: fromMs, first: 0n })
  return key.slice(0, key.lastIndexOf('-'))
}

async function partitionPrefixes(
  store: ObjectStore,
  filter: ObjectFilter,
  signal?: AbortSignal,
): Promise<string[]> {
  const topics = await groups(store, topicPrefix(filter.topic), signal)
  const wanted = topics.filter(
    (prefix) => filter.topicId === undefined || prefix.endsWith(`/${filter.topicId}/`),
  )
  const partitions = await allEnded(wanted.map((prefix) => groups(store, prefix, signal)))
  return partitions
    .flat()
    .filter((prefix) => filter.partition === undefined || prefix.endsWith(`/p=${filter.partition}/`))
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

async function groups(store: ObjectStore, prefix: string, signal?: AbortSignal): Promise<string[]> {
  const found: string[] = []
  for await (const entry of store.list({ prefix, delimiter: '/' }, signal)) {
    if ('group' in entry) found.push(entry.group)
  }
  return found
}
