import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CheckedRecord } from '../../../consumers/engine/contracts.ts'
import { MAX_INSERT_BYTES, MAX_INSERT_ROWS } from '../../../consumers/hot/clickhouse/settings.ts'
import { HEADER_BYTES } from '../../../schemas/wire.ts'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
import { eventRecord, RECEIVED_AT, rangeOf, uuidAt } from '../../support/hot/events.ts'
import { changed } from '../../support/records.ts'

const forever = new AbortController().signal
/** More than a row's prefix can need. */
const PREFIX_BYTES = 64

describe('an insert of the largest size is one part', () => {
  let db: HotDatabase
  beforeAll(async () => {
    db = await hotDatabase()
  })
  afterAll(() => db.drop())

  /** As many events as fit into one insert, made from one whose id is written over. */
  function fill(reason: string): CheckedRecord[] {
    const template = eventRecord(0n, RECEIVED_AT, { id: uuidAt(RECEIVED_AT, 0), reason })
    const bytes = template.record.value ?? Buffer.alloc(0)
    const rowBytes = PREFIX_BYTES + bytes.length - HEADER_BYTES
    const count = Math.min(MAX_INSERT_ROWS, Math.floor(MAX_INSERT_BYTES / rowBytes))
    return Array.from({ length: count }, (_, n) => {
      const value = Buffer.from(bytes)
      value.write(uuidAt(RECEIVED_AT, n), HEADER_BYTES + 1, 'latin1')
      return { ...template, record: changed(template.record, { offset: BigInt(n), value }) }
    })
  }

  it.each([
    ['many small events', ''],
    ['few large events', 'x'.repeat(900_000)],
  ])('%s', { timeout: 60_000 }, async (_, reason) => {
    const topicId = randomUUID()
    const ref = { topic: `t-${topicId}`, topicId, partition: 0 }
    const sink = hotSink(db)
    const claim = await sink.claim(ref, forever)
    const records = fill(reason)
    await db.client.command({ query: `SYSTEM STOP MERGES ${db.name}.events` })
    expect(await sink.deliver([{ claim, range: rangeOf(ref, records) }], forever)).toEqual(['delivered'])
    const [row] = await db.rows<{ rows: string; parts: string }>(
      `SELECT toString(count()) AS rows, toString(uniqExact(_part)) AS parts FROM {db}.events WHERE _topic_id = '${topicId}'`,
    )
    expect(row).toEqual({ rows: String(records.length), parts: '1' })
    await sink.close()
  })
})
