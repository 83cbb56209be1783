import { setTimeout as sleep } from 'node:timers/promises'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { migrateHotStore } from '../../operations/event-schema.ts'
import type { BenchStack } from '../measure/bench-stack.ts'
import { cpuMicrosOf } from '../measure/cpu.ts'

/** The table that all contestants write, and the engine process behind it. */
export interface HotTable {
  readonly client: ClickHouseClient
  command(sql: string): Promise<void>
  /** Empties all tables, so that the next contestant finds the first one's start. */
  empty(): Promise<void>
  /** Resolves when `rows` rows can be read; throws when nothing has come for a minute. */
  until(rows: number): Promise<void>
  /** CPU time of the engine's process so far, its HTTP side included. */
  engineCpuMicros(): number
}

const TABLES = ['events', 'gaps', 'fence', 'topics', 'superseded'] as const
const STALL_MS = 60_000
const LEAST_WAIT_MS = 40
const MOST_WAIT_MS = 2_000

export async function createHotTable({ stack }: BenchStack): Promise<HotTable> {
  const { clickhouse } = stack.endpoints
  await migrateHotStore(clickhouse)
  const client = createClient({ url: clickhouse.url, username: clickhouse.user, request_timeout: 300_000 })
  const command = async (sql: string) => {
    await client.command({ query: sql, clickhouse_settings: { wait_end_of_query: 1 } })
  }
  return {
    client,
    command,
    empty: async () => {
      for (const table of TABLES) await command(`TRUNCATE TABLE daybook.${table} SYNC`)
    },
    until: (rows) => until(client, rows),
    engineCpuMicros: () => cpuMicrosOf(stack.clickhouse?.pid() ?? 0),
  }
}

/**
 * Asks more often as the end comes near: a question costs the engine some 6 ms of CPU, which must not count, and the
 * last wait is the error of the measurement.
 */
async function until(client: ClickHouseClient, rows: number): Promise<void> {
  const startedAt = performance.now()
  let seen = 0
  let movedAt = startedAt
  for (;;) {
    const count = await rowsIn(client)
    const now = performance.now()
    if (count === rows) return
    if (count > rows) throw new Error(`${count} rows in the table, ${rows} were sent`)
    if (count > seen) movedAt = now
    else if (now - movedAt > STALL_MS) throw new Error(`no row in ${STALL_MS} ms: ${count} of ${rows}`)
    seen = count
    const rest = count === 0 ? MOST_WAIT_MS / 4 : ((now - startedAt) / count) * (rows - count)
    await sleep(Math.min(MOST_WAIT_MS, Math.max(LEAST_WAIT_MS, rest / 3)))
  }
}

async function rowsIn(client: ClickHouseClient): Promise<number> {
  const answer = await client.query({
    query: 'SELECT count() AS n FROM daybook.events',
    format: 'JSONEachRow',
  })
  const [row] = await answer.json<{ n: string }>()
  return Number(row?.n ?? 0)
}
