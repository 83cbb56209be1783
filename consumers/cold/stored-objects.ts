import type { StoredKey, StoredVersion } from '../../runtime/object-store/contract.ts'
import { type ArchivePartition, parseObjectKey, partitionPrefix } from '../../schemas/archive/key.ts'
import type { ColdContext, TamperingReport } from './options.ts'

/**
 * The last object key of a partition, or null. Without `after` it goes down the calendar from its newest end, so
 * the cost does not grow with the archive; with `after`, a key known to be there, it lists what follows.
 */
export async function lastObject(
  context: Pick<ColdContext, 'store'>,
  partition: ArchivePartition,
  o: { readonly after: string | null; readonly signal?: AbortSignal | undefined },
): Promise<StoredKey | null> {
  const prefix = partitionPrefix(partition)
  if (o.after === null) return newestUnder(context, prefix, CALENDAR, o.signal)
  return lastKey(context, prefix, o.after, o.signal)
}

/** Year, month, day, hour, and the minutes of an hour. Groups that are not of these forms are not ours. */
const CALENDAR = [
  { delimiter: '/', form: /\/\d{4}\/$/ },
  { delimiter: '/', form: /\/\d\d\/$/ },
  { delimiter: '/', form: /\/\d\d\/$/ },
  { delimiter: '/', form: /\/\d\d\/$/ },
  { delimiter: '-', form: /\/\d\d-$/ },
] as const

async function newestUnder(
  context: Pick<ColdContext, 'store'>,
  prefix: string,
  calendar: readonly (typeof CALENDAR)[number][],
  signal: AbortSignal | undefined,
): Promise<StoredKey | null> {
  const [level, ...rest] = calendar
  if (level === undefined) return lastKey(context, prefix, undefined, signal)
  const groups: string[] = []
  for await (const entry of context.store.list({ prefix, delimiter: level.delimiter }, signal)) {
    if ('group' in entry && level.form.test(entry.group)) groups.push(entry.group)
  }
  for (const group of groups.sort().reverse()) {
    const newest = await newestUnder(context, group, rest, signal)
    if (newest !== null) return newest
  }
  return null
}

async function lastKey(
  context: Pick<ColdContext, 'store'>,
  prefix: string,
  after: string | undefined,
  signal: AbortSignal | undefined,
): Promise<StoredKey | null> {
  let last: StoredKey | null = null
  for await (const entry of context.store.list(
    { prefix, ...(after === undefined ? {} : { after }) },
    signal,
  )) {
    if ('key' in entry && entry.versions.length > 0 && parseObjectKey(entry.key) !== null) last = entry
  }
  return last
}

/** What is stored under exactly `key`, or null where it never had a version. */
export async function storedKey(
  context: Pick<ColdContext, 'store'>,
  key: string,
  signal?: AbortSignal,
): Promise<StoredKey | null> {
  for await (const entry of context.store.list({ prefix: key }, signal)) {
    if ('key' in entry && entry.key === key && entry.versions.length > 0) return entry
  }
  return null
}

/** Null where the key is as our writers leave it: one version and no delete marker. */
export function tamperingOf(stored: StoredKey): TamperingReport | null {
  const counts = { key: stored.key, versions: stored.versions.length, deleteMarkers: stored.deleteMarkers }
  if (stored.versions.length > 1) return { kind: 'second_version', ...counts }
  if (stored.deleteMarkers > 0) return { kind: 'delete_marker', ...counts }
  return null
}

/** Longer than any statement of ours: what somebody else put in the place of one is not read whole. */
const NOTE_BYTES = 64 * 1024

/** The text of a statement: the beginning of the key's oldest version. */
export async function readNote(
  context: ColdContext,
  stored: StoredKey,
  signal?: AbortSignal,
): Promise<string> {
  const { versionId } = oldestOf(context, stored)
  return (await context.store.read({ key: stored.key, versionId, maxBytes: NOTE_BYTES }, signal)).toString(
    'utf8',
  )
}

/** The oldest version of what is stored, reported as tampered with where it is not the only one. */
export function oldestOf(context: Pick<ColdContext, 'onTampering'>, stored: StoredKey): StoredVersion {
  const report = tamperingOf(stored)
  if (report !== null) context.onTampering(report)
  const [oldest] = stored.versions
  if (oldest === undefined) throw new RangeError(`no version of ${stored.key}`)
  return oldest
}
