import type { Clock } from '../../../runtime/clock.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import type { PartitionRef } from '../../engine/contracts.ts'
import { quote, quoteAll } from '../clickhouse/quote.ts'
import type { HotStore } from '../clickhouse/store.ts'
import type { OwnedPartition } from '../insert/insert-statement.ts'

const COMMENT = 'daybook-hot-insert'

/**
 * The comment of an insert, by which others find it in the process list: a query id would do, but an embedded engine
 * does not take the client's.
 */
export function insertComment(database: string, owned: readonly OwnedPartition[]): string {
  return [`${COMMENT} ${database}`, ...owned.map((one) => `${marker(one.partition)}${one.owner};`)].join(' ')
}

function marker(ref: PartitionRef): string {
  return `${ref.topicId}/${ref.partition}=`
}

export interface RunningInserts {
  /**
   * Returns when no insert into this partition runs in the store, but those of `owner`. Inserts get a short time to
   * end by themselves, then they are killed. What enters the process list later is not waited for: it reads the fence.
   */
  drain(partition: PartitionRef, owner: string, signal?: AbortSignal): Promise<void>
}

export interface DrainOptions {
  readonly store: HotStore
  readonly clock: Clock
  /** How long another owner's insert may go on by itself. */
  readonly patienceMs: number
  /** When a killed insert is still there after this time, `drain` throws retryable. */
  readonly timeoutMs: number
}

const POLL_MS = 20

export function createRunningInserts(o: DrainOptions): RunningInserts {
  const { store, clock } = o

  async function others(partition: PartitionRef, owner: string, signal?: AbortSignal): Promise<string[]> {
    const comment = "Settings['log_comment']"
    const rows = await store.rows<{ query_id: string }>(
      `SELECT query_id FROM system.processes WHERE startsWith(${comment}, ${quote(`${COMMENT} ${store.database} `)}) AND position(${comment}, ${quote(marker(partition))}) > 0 AND position(${comment}, ${quote(`${marker(partition)}${owner};`)}) = 0`,
      { batch: 'running inserts', signal },
    )
    return rows.map((row) => row.query_id)
  }

  return {
    drain: async (partition, owner, signal) => {
      const start = clock.now()
      for (;;) {
        const ids = await others(partition, owner, signal)
        if (ids.length === 0) return
        const waitedMs = clock.now() - start
        if (waitedMs > o.timeoutMs) throw lingering(partition, ids.length, waitedMs)
        if (waitedMs >= o.patienceMs) await kill(store, ids, signal)
        await clock.sleep(POLL_MS, signal)
        signal?.throwIfAborted()
      }
    },
  }
}

async function kill(store: HotStore, queryIds: readonly string[], signal?: AbortSignal): Promise<void> {
  await store.command(`KILL QUERY WHERE has(${quoteAll(queryIds)}, query_id) ASYNC`, signal)
}

function lingering(partition: PartitionRef, count: number, waitedMs: number): DaybookError {
  return new DaybookError(
    'DAYBOOK_HOT_FENCE_BUSY',
    `${count} insert(s) of an earlier owner of ${partition.topic}/${partition.partition} still run ${waitedMs} ms after they were killed. It is tried again; look at system.processes if it stays so.`,
    { retryable: true, details: { topic: partition.topic, partition: partition.partition, count, waitedMs } },
  )
}
