import { Readable } from 'node:stream'
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client'
import type { HotClients } from './client.ts'
import { hotFault } from './fault.ts'
import { QueryBatcher } from './query-batcher.ts'
import { identifier } from './quote.ts'
import { INSERT_SETTINGS, LEDGER_SETTINGS, READ_SETTINGS } from './settings.ts'

/** The hot database as the sink uses it. Every method rejects with a `DaybookError` (see `hotFault`). */
export interface HotStore {
  readonly database: string
  rows<Row>(sql: string, o?: QueryOptions): Promise<Row[]>
  /** Rows into a ledger table; durable when it returns. */
  append(
    table: LedgerTable,
    rows: readonly Readonly<Record<string, unknown>>[],
    signal?: AbortSignal,
  ): Promise<void>
  /** An INSERT with its body; durable, or without effect, when it returns; ambiguous when it throws retryable. */
  insert(o: InsertRequest): Promise<void>
  /** Any other statement. */
  command(sql: string, signal?: AbortSignal): Promise<void>
  close(): Promise<void>
}

export type LedgerTable = 'gaps' | 'fence' | 'topics' | 'superseded' | 'accepted_losses'

export interface QueryOptions {
  readonly signal?: AbortSignal | undefined
  readonly settings?: ClickHouseSettings
  /**
   * Names a kind of SELECT. Those of one kind that are asked at the same time are sent as one statement: they must
   * have the same columns, take no `settings`, and expect no order of rows.
   */
  readonly batch?: string
}

export interface InsertRequest {
  readonly sql: string
  readonly body: AsyncIterable<Buffer>
  readonly queryId: string
  readonly comment: string
  readonly signal: AbortSignal
}

export function createHotStore(o: { readonly clients: HotClients; readonly database: string }): HotStore {
  const { database } = o
  const { client, inserts } = o.clients

  async function ask<Row>(sql: string, query: QueryOptions = {}): Promise<Row[]> {
    const result = await client.query({
      query: sql,
      format: 'JSONEachRow',
      clickhouse_settings: { ...READ_SETTINGS, ...query.settings },
      ...aborts(query.signal),
    })
    return result.json<Row>()
  }

  const reads = new QueryBatcher<string, unknown[]>((selects) =>
    askAll(ask, selects).catch((error: unknown) => {
      throw hotFault(error)
    }),
  )

  return {
    database,
    rows: <Row>(sql: string, query: QueryOptions = {}) => {
      const { signal, batch } = query
      return attempt(
        () =>
          batch === undefined ? ask<Row>(sql, query) : (reads.call(batch, sql, signal) as Promise<Row[]>),
        signal,
      )
    },
    append: async (table, rows, signal) => {
      await attempt(
        () =>
          client.insert({
            table: `${identifier(database)}.${table}`,
            values: [...rows],
            format: 'JSONEachRow',
            clickhouse_settings: LEDGER_SETTINGS,
            ...aborts(signal),
          }),
        signal,
      )
    },
    insert: async (request) => {
      await attempt(() => send(inserts, request), request.signal)
    },
    command: async (sql, signal) => {
      await attempt(() => client.command({ query: sql, ...aborts(signal) }), signal)
    },
    close: async () => {
      await Promise.all([client.close(), inserts.close()])
    },
  }
}

/** The answer's body is read to its end: only then is it known that no exception stands in it. */
async function send(client: ClickHouseClient, request: InsertRequest): Promise<void> {
  const result = await client.exec({
    query: request.sql,
    values: Readable.from(request.body),
    query_id: request.queryId,
    clickhouse_settings: { ...INSERT_SETTINGS, log_comment: request.comment },
    abort_signal: request.signal,
  })
  for await (const _ of result.stream);
}

/** Several SELECTs of the same columns as one. */
async function askAll(
  ask: (sql: string) => Promise<unknown[]>,
  selects: readonly string[],
): Promise<unknown[][]> {
  const [only = ''] = selects
  if (selects.length === 1) return [await ask(only)]
  const numbered = selects.map((sql, call) => `SELECT ${call} AS _call, * FROM (${sql})`)
  const answers = selects.map((): unknown[] => [])
  for (const row of await ask(numbered.join(' UNION ALL ')))
    answers[(row as { readonly _call: number })._call]?.push(row)
  return answers
}

function aborts(signal: AbortSignal | undefined): { abort_signal?: AbortSignal } {
  return signal === undefined ? {} : { abort_signal: signal }
}

async function attempt<T>(act: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  // The client sends a request whose signal was aborted before.
  if (signal?.aborted === true) throw hotFault(signal.reason)
  try {
    return await act()
  } catch (error) {
    throw hotFault(error)
  }
}
