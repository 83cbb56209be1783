import { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { EventIds } from '../../../consumers/hot/copies/event-ids.ts'
import type { EventRow } from '../../../consumers/hot/insert/event-rows.ts'

const partition = { topic: 't', topicId: '5a1d3c1e-30a4-4c6e-9a55-0c6e2f0b7d11', partition: 0 }

/** The ids of rows that hold nothing else. */
export function eventIdsOf(ids: readonly string[]): EventIds {
  return new EventIds(
    ids.map((id, offset): EventRow => {
      const payload = Buffer.concat([Buffer.of(72), Buffer.from(id, 'latin1')])
      const record = SourceRecord.of({ offset: BigInt(offset), appendTime: 0, key: null, value: payload })
      const place = { bytes: payload, start: 0, end: payload.length, source: null, clockTime: null }
      return { partition, record, schemaId: 1, ...place }
    }),
  )
}
