import { S3Client } from '@aws-sdk/client-s3'
import { type PartitionRef, partitionKey } from '../../../consumers/engine/contracts.ts'
import { higher } from '../../../consumers/engine/range.ts'
import { readArchive } from '../faults/verify/read-archive.ts'
import { ask } from '../faults/verify/read-clickhouse.ts'
import type { Arena } from './arena.ts'
import type { GoodEvent } from './good-traffic.ts'

/** Reads both stores of an arena by their published formats. Gives sentences; empty: all good events are there. */
export async function verifyStores(arena: Arena): Promise<string[]> {
  const { s3: access, clickhouse } = arena.world.stack.endpoints
  const s3 = new S3Client({
    endpoint: access.endpoint,
    region: access.region,
    forcePathStyle: true,
    credentials: { accessKeyId: access.accessKeyId, secretAccessKey: access.secretAccessKey },
  })
  const faults: string[] = []
  try {
    const byPartition = Map.groupBy(arena.traffic.events, ({ partition }) => partitionKey(partition))
    for (const events of byPartition.values()) {
      const [first] = events
      if (first === undefined) continue
      faults.push(...(await archiveFaults(s3, arena.ground.bucket, first.partition, events)))
      faults.push(...(await ledgerFaults(clickhouse.url, first.partition, events)))
    }
  } finally {
    s3.destroy()
  }
  return faults
}

async function archiveFaults(
  s3: S3Client,
  bucket: string,
  { topic, topicId, partition }: PartitionRef,
  events: readonly GoodEvent[],
): Promise<string[]> {
  const { objects, faults } = await readArchive(s3, bucket, `v1/${topic}/${topicId}/p=${partition}/`)
  const found = [...faults]
  const kinds = new Map<bigint, string>()
  let next = 0n
  for (const object of objects.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    if (object.first !== next) found.push(`${object.name}: begins at ${object.first}, not at ${next}`)
    next = object.last + 1n
    for (const { offset, kind } of object.records) {
      if (kinds.has(offset)) found.push(`${topic}/${partition}@${offset}: twice in the archive`)
      kinds.set(offset, kind)
    }
  }
  const absent = events.filter(({ offset }) => kinds.get(offset) !== 'event')
  if (absent.length > 0)
    found.push(
      `${topic}/${partition}: ${absent.length} good events are not in the archive, from ${absent[0]?.offset}`,
    )
  return found
}

/** Offsets = rows + gaps, through the last good event; and no row twice. */
async function ledgerFaults(
  url: string,
  { topic, topicId, partition }: PartitionRef,
  events: readonly GoodEvent[],
): Promise<string[]> {
  const last = events.reduce((most, { offset }) => higher(most, offset), 0n)
  const here = `_topic_id = '${topicId}' AND _partition = ${partition} AND _offset <= ${last}`
  const [rows] = await ask<{ n: string; u: string }>(
    { url },
    `SELECT count() AS n, uniqExact(_offset) AS u FROM daybook.events WHERE ${here}`,
  )
  const gaps = await ask<{ f: string; l: string }>(
    { url },
    `SELECT DISTINCT first AS f, last AS l FROM daybook.gaps WHERE topic_id = '${topicId}' AND partition = ${partition} AND first <= ${last} ORDER BY first, last`,
  )
  let covered = 0n
  let next = 0n
  for (const { f, l } of gaps) {
    const first = BigInt(f) > next ? BigInt(f) : next
    const end = BigInt(l) < last ? BigInt(l) : last
    if (end < first) continue
    covered += end - first + 1n
    next = end + 1n
  }
  const found: string[] = []
  if (rows?.n !== rows?.u) found.push(`${topic}/${partition}: rows stand twice in the hot table`)
  if (BigInt(rows?.u ?? 0) + covered !== last + 1n)
    found.push(`${topic}/${partition}: ${last + 1n} offsets, but ${rows?.u} rows and ${covered} in gaps`)
  return found
}
