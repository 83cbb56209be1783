/** Parses an HTTP request: user, query, parameters, settings. */
import type { IncomingMessage } from 'node:http'
import { EngineException, notImplemented } from './exception.ts'

export interface ServerRequest {
  readonly user: string
  readonly password: string
  /** The query's text from the URL; the body follows it. */
  readonly urlQuery: string
  readonly queryId: string | null
  readonly database: string | null
  readonly session: { readonly id: string; readonly timeoutMs: number; readonly mustExist: boolean } | null
  readonly defaultFormat: string | null
  /** `param_*`, without the prefix. */
  readonly parameters: ReadonlyMap<string, string>
  /** Everything in the URL that is not a word of the protocol, for the engine to judge. */
  readonly settings: ReadonlyMap<string, string>
  /** GET and HEAD may not write. */
  readonly readonly: boolean
  readonly waitEndOfQuery: boolean
  /** The encoding the answer may have, null: as it is. */
  readonly acceptEncoding: string | null
}

/** Words of the protocol that are not settings and need nothing from the local server. */
const IGNORED = new Set([
  'quota_key',
  'stacktrace',
  'buffer_size',
  'client_protocol_version',
  'close_session',
])
const REFUSED = new Set(['role'])
const BLOCKS = ['compress', 'decompress']
const OWN = new Set([
  'query',
  'user',
  'password',
  'query_id',
  'session_id',
  'session_timeout',
  'session_check',
  'database',
  'default_format',
  'wait_end_of_query',
  'compress',
  'decompress',
])

export function readRequest(message: IncomingMessage, url: URL): ServerRequest {
  const query = url.searchParams
  const parameters = new Map<string, string>()
  const settings = new Map<string, string>()
  for (const [name, value] of query) {
    if (REFUSED.has(name)) throw notImplemented(`The URL parameter ${name}`)
    if (OWN.has(name) || IGNORED.has(name)) continue
    if (name.startsWith('param_')) parameters.set(name.slice('param_'.length), value)
    else settings.set(name, value)
  }
  for (const name of BLOCKS) {
    if (flag(query.get(name))) throw notImplemented(`${name}=1 (ClickHouse's own compressed blocks)`)
  }
  const { user, password } = credentials(message, query)
  return {
    user,
    password,
    urlQuery: query.getAll('query').join(''),
    queryId: query.get('query_id') ?? header(message, 'x-clickhouse-query-id'),
    database: query.get('database') ?? header(message, 'x-clickhouse-database'),
    session: session(query),
    defaultFormat: query.get('default_format') ?? header(message, 'x-clickhouse-format'),
    parameters,
    settings,
    readonly: message.method !== 'POST',
    waitEndOfQuery: flag(query.get('wait_end_of_query')),
    acceptEncoding: flag(query.get('enable_http_compression')) ? header(message, 'accept-encoding') : null,
  }
}

/** The server's default: 60 s. */
function session(query: URLSearchParams): ServerRequest['session'] {
  const id = query.get('session_id')
  if (id === null || id === '') return null
  const seconds = Number(query.get('session_timeout') ?? 60)
  if (!Number.isInteger(seconds) || seconds <= 0 || seconds > 3600) {
    throw new EngineException(374, 'INVALID_SESSION_TIMEOUT', `Invalid session timeout: ${seconds}.`)
  }
  return { id, timeoutMs: seconds * 1000, mustExist: flag(query.get('session_check')) }
}

/** Several lines of one header are joined, as HTTP allows. */
export function header(message: IncomingMessage, name: string): string | null {
  const value = message.headers[name]
  if (value === undefined) return null
  return Array.isArray(value) ? value.join(', ') : value
}

function flag(value: string | null): boolean {
  return value !== null && value !== '' && value !== '0' && value !== 'false'
}

function credentials(message: IncomingMessage, query: URLSearchParams): { user: string; password: string } {
  const user = header(message, 'x-clickhouse-user')
  const key = header(message, 'x-clickhouse-key')
  const authorization = header(message, 'authorization')
  if (user !== null || key !== null) return { user: user ?? 'default', password: key ?? '' }
  if (authorization !== null) return basic(authorization)
  return { user: query.get('user') ?? 'default', password: query.get('password') ?? '' }
}

function basic(authorization: string): { user: string; password: string } {
  const match = /^basic\s+(\S+)$/i.exec(authorization)
  if (match === null) throw notImplemented(`The authorization scheme ${authorization.split(' ')[0] ?? ''}`)
  const decoded = Buffer.from(match[1] ?? '', 'base64').toString()
  const colon = decoded.indexOf(':')
  if (colon < 0)
    throw new EngineException(516, 'AUTHENTICATION_FAILED', 'Invalid basic credentials: no colon.')
  return { user: decoded.slice(0, colon) || 'default', password: decoded.slice(colon + 1) }
}
