import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { insertComment } from '../../../consumers/hot/ownership/running-inserts.ts'
import { type HotDatabase, hotDatabase } from '../../support/hot/database.ts'

/** What the fence relies on (docs/decisions/hot-fence.md). */
describe('an insert with a constant subquery', () => {
  let db: HotDatabase
  beforeAll(async () => {
    db = await hotDatabase()
    await db.client.command({ query: `CREATE TABLE ${db.name}.sink (x UInt8) ENGINE = MergeTree ORDER BY x` })
  })
  afterAll(() => db.drop())

  const comment = (owner: string) => {
    const topicId = '00000000-0000-0000-0000-000000000001'
    return insertComment(db.name, [{ partition: { topic: 't', topicId, partition: 0 }, owner }])
  }
  const listed = (owner: string) =>
    db.number(`SELECT count() FROM system.processes WHERE Settings['log_comment'] = '${comment(owner)}'`)

  it('is in the process list while the subquery is still computed, before its analysis has ended', async () => {
    const sql = `INSERT INTO ${db.name}.sink SELECT x FROM input('x UInt8') WHERE throwIf((SELECT sum(sleepEachRow(0.5)) FROM numbers(4)) = 0, 'at the end of analysis') = 0 FORMAT CSV`
    let failed = false
    const insert = db.client
      .exec({
        query: sql,
        values: Readable.from([Buffer.from('1\n')]),
        clickhouse_settings: {
          log_comment: comment('slow'),
          function_sleep_max_microseconds_per_block: '10000000',
        },
      })
      .catch(() => {
        failed = true
      })
    let seen = 0
    while (!failed && seen === 0) seen = await listed('slow')
    expect(seen).toBe(1)
    await insert
    // The subquery refused it: so it was seen before that was decided.
    expect(failed).toBe(true)
    expect(await db.number(`SELECT count() FROM {db}.sink`)).toBe(0)
    expect(await listed('slow')).toBe(0)
  })
})
