import { randomUUID } from 'node:crypto'
import type { Sink } from '../../../consumers/engine/contracts.ts'
import { SourceRecord } from '../../../consumers/engine/source-record.ts'
import type { Failpoints } from '../../../runtime/failpoints.ts'
import type { SinkHarness } from '../../contract/sink-suite.ts'
import type { HotDatabase } from './database.ts'
import { badRecord, eventRecord, RECEIVED_AT, uuidAt } from './events.ts'

/** What the contract suite of sinks needs to know of the hot store. */
export function hotHarness(o: {
  readonly rows: HotDatabase['rows']
  readonly sink: (failpoints: Failpoints) => Sink
}): SinkHarness {
  const ids = Math.floor(Math.random() * 2 ** 40)
  return {
    exclusion: 'fence',
    keepsQuarantined: false,
    record: (kind, offset) => {
      const at = RECEIVED_AT + Number(offset)
      if (kind === 'bad') return badRecord(offset, at)
      if (kind === 'event') return eventRecord(offset, at, { id: uuidAt(at, ids + Number(offset)) })
      const record = SourceRecord.of({ offset, appendTime: at, key: null, value: null })
      return { record, verdict: { kind: 'tombstone' } }
    },
    sink: async (_, failpoints) => o.sink(failpoints),
    freshTopic: async (partitions) => {
      const topicId = randomUUID()
      return Array.from({ length: partitions }, (_, partition) => ({
        topic: `t-${topicId}`,
        topicId,
        partition,
      }))
    },
    readBack: async (ref) => {
      const rows = await o.rows<{ o: string }>(
        `SELECT toString(_offset) AS o FROM {db}.events WHERE _topic_id = '${ref.topicId}' AND _partition = ${ref.partition} ORDER BY _offset`,
      )
      return rows.map((row) => ({ offset: BigInt(row.o), kind: 'event' as const }))
    },
    cleanup: async () => undefined,
  }
}
