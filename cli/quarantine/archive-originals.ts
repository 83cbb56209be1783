import type { PartitionRef } from '../../consumers/engine/contracts.ts'
import type { Archive } from '../../evidence/archive.ts'
import { type ListedObject, listObjects } from '../../evidence/list.ts'
import { openObject } from '../../evidence/open.ts'
import type { ArchiveOriginals } from '../../operations/quarantine-replay.ts'
import type { ArchivedRecord } from '../../schemas/archive/row-reader.ts'

const DAY_MS = 86_400_000

interface Opened {
  readonly partition: PartitionRef
  readonly first: bigint
  readonly last: bigint
  readonly records: ReadonlyMap<bigint, ArchivedRecord>
}

/** Looks records up in the archive, in verified objects only. Holds one object in memory. */
export function archiveOriginals(archive: Archive, signal: AbortSignal): ArchiveOriginals {
  let held: Opened | null = null
  return {
    record: async (partition, offset, appendTime) => {
      if (held === null || !covers(held, partition, offset)) {
        const listed = await find(archive, { partition, offset, appendTime }, signal)
        held = (listed === null ? null : await open(archive, partition, listed, signal)) ?? held
      }
      const found = held !== null && covers(held, partition, offset) ? held.records.get(offset) : undefined
      if (found === undefined) return null
      return { key: found.key, value: found.value, isQuarantined: found.kind === 'quarantined' }
    },
  }
}

function covers({ partition: of, first, last }: Opened, partition: PartitionRef, offset: bigint): boolean {
  const isSame =
    of.topic === partition.topic && of.topicId === partition.topicId && of.partition === partition.partition
  return isSame && first <= offset && offset <= last
}

interface Place {
  readonly partition: PartitionRef
  readonly offset: bigint
  readonly appendTime: number | null
}

/** The last object that begins at `offset` or before it. The time only spares listing years of objects. */
async function find(archive: Archive, place: Place, signal: AbortSignal): Promise<ListedObject | null> {
  const { appendTime } = place
  const near = appendTime === null ? null : await lastBefore(archive, place, appendTime - DAY_MS, signal)
  return near ?? lastBefore(archive, place, 0, signal)
}

async function lastBefore(
  archive: Archive,
  { partition: { topic, topicId, partition }, offset }: Place,
  fromMs: number,
  signal: AbortSignal,
): Promise<ListedObject | null> {
  let found: ListedObject | null = null
  const filter = { topic, topicId, partition, minutes: { fromMs } }
  for await (const listed of listObjects(archive, filter, signal)) {
    if (listed.name.first > offset) break
    found = listed
  }
  return found
}

/** Null for an object that is not what a trusted worker wrote. */
async function open(
  archive: Archive,
  partition: PartitionRef,
  listed: ListedObject,
  signal: AbortSignal,
): Promise<Opened | null> {
  const opened = await openObject(archive, listed, signal)
  if (!opened.ok) return null
  const { header } = opened.object
  const records = new Map<bigint, ArchivedRecord>()
  for (const record of opened.object.records()) records.set(record.offset, record)
  return { partition, first: header.first, last: header.last, records }
}
