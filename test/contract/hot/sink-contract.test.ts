import { afterAll, beforeAll } from 'vitest'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
import { hotHarness } from '../../support/hot/harness.ts'
import { sinkContract } from '../sink-suite.ts'

let db: HotDatabase
beforeAll(async () => {
  db = await hotDatabase()
})
afterAll(() => db.drop())

sinkContract('the hot sink', async () =>
  hotHarness({ rows: db.rows, sink: (failpoints) => hotSink(db, { failpoints }) }),
)
