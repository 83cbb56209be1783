/**
 * Names in the archive (docs/formats/keys.md). Within a partition the byte order of object keys is the order of
 * their offsets, because an object's minute is never before that of the previous object.
 */

/** Names one partition of one incarnation of a topic in the archive. */
export interface ArchivePartition {
  readonly topic: string
  /** Canonical lower-case UUID. */
  readonly topicId: string
  readonly partition: number
}

export interface ObjectName extends ArchivePartition {
  /** Start of the minute, milliseconds since the Unix epoch. */
  readonly minute: number
  readonly first: bigint
}

const MINUTE_MS = 60_000
const OFFSET_DIGITS = 20

export function minuteOf(timeMs: number): number {
  return Math.floor(timeMs / MINUTE_MS) * MINUTE_MS
}

export function topicPrefix(topic: string): string {
  return `v1/${topic}/`
}

/** With a slash at the end, so that partition 1 is no prefix of partition 10. */
export function partitionPrefix(p: ArchivePartition): string {
  return `${topicPrefix(p.topic)}${p.topicId}/p=${p.partition}/`
}

export function initKey(p: ArchivePartition): string {
  return `${partitionPrefix(p)}init`
}

export function acceptPrefix(p: ArchivePartition): string {
  return `${partitionPrefix(p)}accept/`
}

export function acceptKey(p: ArchivePartition, first: bigint, last: bigint): string {
  return `${acceptPrefix(p)}${padOffset(first)}-${padOffset(last)}.json`
}

/** The folder of a partition's hour, minute and object by append time in UTC. @throws RangeError beyond year 9999. */
export function objectKey(name: ObjectName): string {
  const iso = new Date(name.minute).toISOString()
  if (iso.length !== 24) throw new RangeError(`no key for a minute in ${iso}`)
  const [year, month, day] = [iso.slice(0, 4), iso.slice(5, 7), iso.slice(8, 10)]
  const time = `${iso.slice(11, 13)}/${iso.slice(14, 16)}-${padOffset(name.first)}.avro`
  return `${partitionPrefix(name)}${year}/${month}/${day}/${time}`
}

const KEY = /^v1\/([^/]+)\/([^/]+)\/p=(\d+)\/(\d{4})\/(\d\d)\/(\d\d)\/(\d\d)\/(\d\d)-(\d{20})\.avro$/

/** Null where `key` is not exactly what `objectKey` gives. */
export function parseObjectKey(key: string): ObjectName | null {
  const match = KEY.exec(key)
  if (match === null) return null
  const [, topic = '', topicId = '', partition = '', year, month, day, hour, minute, first = ''] = match
  const name = {
    topic,
    topicId,
    partition: Number(partition),
    minute: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00.000Z`),
    first: BigInt(first),
  }
  return Number.isFinite(name.minute) && objectKey(name) === key ? name : null
}

function padOffset(offset: bigint): string {
  return offset.toString().padStart(OFFSET_DIGITS, '0')
}

const SEGMENT = /^[A-Za-z0-9._-]+$/

/**
 * The id of a partition's log, which is the origin of its checkpoints and the name of the key that signs them.
 * @throws RangeError when a part is empty or has characters other than letters, digits, dot, dash, underscore.
 */
export function logIdOf(
  o: ArchivePartition & { readonly org: string; readonly environment: string; readonly clusterId: string },
): string {
  const parts = {
    org: o.org,
    environment: o.environment,
    clusterId: o.clusterId,
    topic: o.topic,
    topicId: o.topicId,
  }
  for (const [field, part] of Object.entries(parts)) {
    if (!SEGMENT.test(part)) {
      throw new RangeError(
        `${field} "${part}" cannot be part of a log id: use letters, digits, dot, dash, underscore`,
      )
    }
  }
  return `${Object.values(parts).join('/')}/${o.partition}`
}
