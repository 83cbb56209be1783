import type { Clock } from '../../../runtime/clock.ts'
import type { PartitionRef } from '../../engine/contracts.ts'
import { identifier, quote } from '../clickhouse/quote.ts'
import { MAX_INSERT_ROWS } from '../clickhouse/settings.ts'
import type { HotStore } from '../clickhouse/store.ts'
import { listSurplus } from './copies.ts'
import { countedIds } from './copy-lookup.ts'

/** What the last delivery took in was in Kafka shortly before: its topics keep a week. */
const RECENT_DAYS = 8

/**
 * Looks again at what the last owner of a partition inserted last. It may have died after its insert and before it
 * had looked for copies that another process inserted at the same moment; both would stay visible
 * (docs/decisions/hot-once.md). Lists all but the first visible copy of each content, as `Copies.settle` does.
 */
export async function recheckLastInsert(
  store: HotStore,
  o: {
    readonly partition: PartitionRef
    readonly last: bigint
    readonly clock: Pick<Clock, 'now'>
    readonly signal: AbortSignal
  },
): Promise<void> {
  const ids = await repeatedIds(store, o)
  await listSurplus(store, { ids, hashes: null }, o.clock, o.signal)
}

/** Laid out like `EventIds.bytes`. */
async function repeatedIds(
  store: HotStore,
  {
    partition: ref,
    last,
    signal,
  }: { readonly partition: PartitionRef; readonly last: bigint; readonly signal: AbortSignal },
): Promise<Buffer> {
  const events = `${identifier(store.database)}.events`
  const inserted = `SELECT toUInt128(event_id) FROM ${events} WHERE _topic_id = ${quote(ref.topicId)} AND _partition = ${ref.partition} AND _offset > ${last - BigInt(MAX_INSERT_ROWS)} AND _received_at > now() - INTERVAL ${RECENT_DAYS} DAY`
  const { ids } = await countedIds(
    store,
    `SELECT toUInt128(event_id) AS id FROM ${events} WHERE id IN (${inserted})`,
    {
      rowsAtLeast: 2,
      signal,
    },
  )
  return ids
}
