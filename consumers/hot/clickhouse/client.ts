import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'

/** No answer for this long ends a request; the write is then ambiguous. */
const REQUEST_TIMEOUT_MS = 60_000

export interface HotClients {
  readonly client: ClickHouseClient
  /**
   * For inserts with a body: each has a connection of its own. An error may come before the body is read, and
   * whatever used the connection next would wait behind the rest of it until a time-out.
   */
  readonly inserts: ClickHouseClient
}

/**
 * The clients of the sink. Their own log is off: ClickHouse's messages quote values of the rows it could not read,
 * and event payloads do not belong into logs.
 */
export function createHotClients(o: {
  readonly url: string
  readonly user: string
  readonly password: string
  readonly requestTimeoutMs?: number
}): HotClients {
  const options = {
    ...{ url: o.url, username: o.user, password: o.password, application: 'daybook-hot' },
    request_timeout: o.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    log: { level: ClickHouseLogLevel.OFF },
  }
  return {
    client: createClient(options),
    inserts: createClient({ ...options, keep_alive: { enabled: false } }),
  }
}
