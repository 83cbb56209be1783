import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'

/** No answer for this long ends a request; the write is then ambiguous. */
const REQUEST_TIMEOUT_MS = 60_000

/**
 * A client for the sink. Its own log is off: ClickHouse's messages quote values of the rows it could not read, and
 * event payloads do not belong into logs.
 */
export function createHotClient(o: {
  readonly url: string
  readonly user: string
  readonly password: string
  readonly requestTimeoutMs?: number
}): ClickHouseClient {
  return createClient({
    ...{ url: o.url, username: o.user, password: o.password, application: 'daybook-hot' },
    request_timeout: o.requestTimeoutMs ?? REQUEST_TIMEOUT_MS,
    max_open_connections: 16,
    log: { level: ClickHouseLogLevel.OFF },
  })
}
