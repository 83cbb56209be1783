import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll } from 'vitest'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
import { badRecord, eventRecord, RECEIVED_AT, uuidAt } from '../../support/hot/events.ts'
import { type SinkHarness, sinkContract } from '../sink-suite.ts'

let db: HotDatabase
beforeAll(async () => {
  db = await hotDatabase()
})
afterAll(() => db.drop())

async function harness(): Promise<SinkHarness> {
  const ids = Math.floor(Math.random() * 2 ** 40)
  return {
    exclusion: 'fence',
    keepsQuarantined: false,
    record: (kind, offset) => {
      const at = RECEIVED_AT + Number(offset)
      if (kind === 'bad') return badRecord(offset, at)
      if (kind === 'event') return eventRecord(offset, at, { id: uuidAt(at, ids + Number(offset)) })
      return { record: { offset, appendTime: at, key: null, value: null }, verdict: { kind: 'tombstone' } }
    },
    sink: async (_, failpoints) => hotSink(db, { failpoints }),
    freshTopic: async (partitions) => {
      const topicId = randomUUID()
      return Array.from({ length: partitions }, (_, partition) => ({
        topic: `t-${topicId}`,
        topicId,
        partition,
      }))
    },
    readBack: async (ref) => {
      const rows = await db.rows<{ o: string }>(
        `SELECT toString(_offset) AS o FROM {db}.events WHERE _topic_id = '${ref.topicId}' AND _partition = ${ref.partition} ORDER BY _offset`,
      )
      return rows.map((row) => ({ offset: BigInt(row.o), kind: 'event' as const }))
    },
    cleanup: async () => undefined,
  }
}

sinkContract('the hot sink', harness)
