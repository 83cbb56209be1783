import type { HotRow } from './compare.ts'

/** Plain HTTP questions to ClickHouse: no client library, nothing of the product. */
export interface ClickHouseAccess {
  readonly url: string
}

export async function ask<T>({ url }: ClickHouseAccess, query: string): Promise<T[]> {
  const answer = await fetch(`${url}/?wait_end_of_query=1&output_format_json_quote_64bit_integers=1`, {
    method: 'POST',
    body: `${query} FORMAT JSONEachRow`,
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`ClickHouse: ${text.slice(0, 500)}`)
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line): T => JSON.parse(line))
}

/** Every row of the raw table of one partition, repeats included. */
export async function readHotRows(
  access: ClickHouseAccess,
  topicId: string,
  partition: number,
): Promise<HotRow[]> {
  const rows = await ask<{ offset: string; eventId: string; contentHash: string }>(
    access,
    `SELECT _offset AS offset, event_id AS eventId, lower(hex(_content_hash)) AS contentHash
     FROM daybook.events WHERE _topic_id = '${topicId}' AND _partition = ${partition}`,
  )
  return rows.map((row) => ({ ...row, offset: BigInt(row.offset) }))
}

/** How many rows the raw table has of each partition, by `<topic id>/<partition>`. */
export async function countRows(
  access: ClickHouseAccess,
  topicIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await ask<{ place: string; count: string }>(
    access,
    `SELECT concat(toString(_topic_id), '/', toString(_partition)) AS place, count() AS count
     FROM daybook.events WHERE _topic_id IN (${topicIds.map((id) => `'${id}'`).join(',')}) GROUP BY place`,
  )
  return new Map(rows.map(({ place, count }) => [place, Number(count)]))
}

/** Offsets that the hot store lists as lost, of one partition, in order. */
export function readLosses(
  access: ClickHouseAccess,
  topicId: string,
  partition: number,
): Promise<{ first: string; last: string }[]> {
  return ask(
    access,
    `SELECT DISTINCT first, last FROM daybook.gaps
     WHERE topic_id = '${topicId}' AND partition = ${partition} AND reason = 'lost_accepted' ORDER BY first`,
  )
}

/** How often each event shows in the view, where it is not exactly once; and the number of distinct events. */
export async function readView(access: ClickHouseAccess, topicIds: readonly string[]) {
  const topics = topicIds.map((id) => `'${id}'`).join(',')
  const [total] = await ask<{ rows: string; events: string }>(
    access,
    `SELECT count() AS rows, uniqExact(event_id) AS events FROM daybook.audit WHERE _topic_id IN (${topics})`,
  )
  const twice = await ask<{ eventId: string }>(
    access,
    `SELECT event_id AS eventId FROM daybook.audit WHERE _topic_id IN (${topics}) GROUP BY event_id HAVING count() > 1 LIMIT 20`,
  )
  return { rows: Number(total?.rows), events: Number(total?.events), twice: twice.map((row) => row.eventId) }
}
