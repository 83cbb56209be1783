import { readFileSync } from 'node:fs'
import type { DecodedEvent } from '../../evidence/decode.ts'
import { type EventQuery, getEvents } from '../../evidence/get.ts'
import type { Endpoints } from '../../operations/endpoints.ts'
import { nodeCrypto, signerFromPem } from '../../proof/node.ts'
import { createS3Store } from '../../runtime/object-store/s3.ts'

export interface Arrivals {
  readonly queryable: number
  /** Rows of the view beyond one an event. */
  readonly duplicated: number
}

/** Asks ClickHouse what the view shows of one producer. */
export async function askHot(clickhouse: Endpoints['clickhouse'], producerId: string): Promise<Arrivals> {
  const where = `WHERE producer_id = '${producerId}'`
  const text = await askClickHouse(
    clickhouse,
    `SELECT uniqExact(event_id) AS events, count() AS rows FROM daybook.audit ${where} FORMAT JSONEachRow`,
  )
  const { events, rows }: { events: string; rows: string } = JSON.parse(text)
  return { queryable: Number(events), duplicated: Number(rows) - Number(events) }
}

export async function askClickHouse(clickhouse: Endpoints['clickhouse'], query: string): Promise<string> {
  const answer = await fetch(clickhouse.url, {
    method: 'POST',
    body: query,
    headers: { 'x-clickhouse-user': clickhouse.user, 'x-clickhouse-key': clickhouse.password },
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`ClickHouse: ${text.slice(0, 500)}`)
  return text
}

export interface ArchiveFinding {
  readonly archived: number
  /** The object that holds the newest of them. */
  readonly key: string | null
  /** How many of them it holds. */
  readonly inObject: number
  readonly event: DecodedEvent | null
}

export interface ArchiveQuestion {
  readonly s3: Endpoints['s3']
  readonly bucket: string
  readonly signingKeyFile: string
  readonly topic: string
  readonly producerId: string
  /** Objects before are not looked at. */
  readonly sinceMs: number
}

/** Reads back from the locked objects, verified, what one producer has sent. */
export async function askArchive(question: ArchiveQuestion): Promise<ArchiveFinding> {
  const archive = {
    store: createS3Store({ ...question.s3, bucket: question.bucket, forcePathStyle: true }),
    publicKeys: [signerFromPem(readFileSync(question.signingKeyFile, 'utf8')).publicKey],
    crypto: nodeCrypto,
  }
  const query: EventQuery = { topic: question.topic, minutes: { fromMs: question.sinceMs } }
  let finding: ArchiveFinding = { archived: 0, key: null, inObject: 0, event: null }
  for await (const item of getEvents(archive, query)) {
    if (item.kind !== 'event' || item.event['producer_id'] !== question.producerId) continue
    const inObject = item.key === finding.key ? finding.inObject + 1 : 1
    finding = { archived: finding.archived + 1, key: item.key, inObject, event: item.event }
  }
  return finding
}
