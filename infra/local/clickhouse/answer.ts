/** The answer's side of the protocol: headers, summary, exceptions before and amid the body. */
import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { type EngineException, httpStatus } from './exception.ts'

/** Counts as the `X-ClickHouse-Summary` header names them. */
export interface Summary {
  readonly readRows?: number
  readonly readBytes?: number
  readonly writtenRows?: number
  readonly writtenBytes?: number
  readonly resultRows?: number
  readonly resultBytes?: number
}

export interface AnswerOptions {
  readonly response: ServerResponse
  readonly queryId: string
  readonly version: string
  readonly timezone: string
}

export interface Answer {
  /** Random text by which a client finds an exception amid the body. */
  readonly tag: string
  /** Sends the status and headers of a success. */
  begin(format: string | null, encoding: string | null, summary: Summary): void
  /** Before `begin`: sends the exception as the whole answer. */
  fail(exception: EngineException): void
  /** The block that reports an exception after `begin`; the connection is to be cut behind it. */
  trailer(exception: EngineException): Buffer
}

export function createAnswer(options: AnswerOptions): Answer {
  const { response, version } = options
  const tag = Array.from(randomBytes(16), (byte) => String.fromCharCode(97 + (byte % 26))).join('')
  const startedAt = process.hrtime.bigint()
  response.setHeader('X-ClickHouse-Server-Display-Name', 'daybook-local')
  response.setHeader('X-ClickHouse-Query-Id', options.queryId)
  response.setHeader('X-ClickHouse-Timezone', options.timezone)
  return {
    tag,
    begin: (format, encoding, summary) => {
      response.statusCode = 200
      response.setHeader('Content-Type', contentType(format ?? 'TabSeparated'))
      if (format !== null) response.setHeader('X-ClickHouse-Format', format)
      if (encoding !== null) response.setHeader('Content-Encoding', encoding)
      response.setHeader('X-ClickHouse-Exception-Tag', tag)
      response.setHeader('X-ClickHouse-Summary', summaryJson(summary, process.hrtime.bigint() - startedAt))
    },
    fail: (exception) => {
      response.statusCode = httpStatus(exception)
      response.setHeader('Content-Type', 'text/plain; charset=UTF-8')
      response.setHeader('X-ClickHouse-Exception-Code', String(exception.code))
      response.end(exception.text(version))
    },
    trailer: (exception) => {
      const text = Buffer.from(exception.text(version))
      const mark = `\r\n__exception__\r\n`
      return Buffer.concat([
        Buffer.from(`${mark}${tag}\r\n`),
        text,
        Buffer.from(`${text.length} ${tag}${mark}`),
      ])
    },
  }
}

function summaryJson(summary: Summary, elapsedNs: bigint): string {
  const text = (value: number | undefined) => String(value ?? 0)
  return JSON.stringify({
    read_rows: text(summary.readRows),
    read_bytes: text(summary.readBytes),
    written_rows: text(summary.writtenRows),
    written_bytes: text(summary.writtenBytes),
    total_rows_to_read: '0',
    result_rows: text(summary.resultRows),
    result_bytes: text(summary.resultBytes),
    elapsed_ns: String(elapsedNs),
  })
}

const CONTENT_TYPES: readonly (readonly [RegExp, string])[] = [
  [/^(TabSeparated|TSV)/i, 'text/tab-separated-values; charset=UTF-8'],
  [/^CSV/i, 'text/csv; charset=UTF-8; header=absent'],
  [/^JSON.*EachRow/i, 'application/x-ndjson; charset=UTF-8'],
  [/^JSON/i, 'application/json; charset=UTF-8'],
  [/^XML$/i, 'application/xml; charset=UTF-8'],
  [/^Markdown$/i, 'text/markdown; charset=UTF-8'],
  [
    /^(Native|RowBinary|Parquet|Arrow|ORC|Avro|MsgPack|Protobuf|BSON|Npy|CapnProto)/i,
    'application/octet-stream',
  ],
]

function contentType(format: string): string {
  if (/^CSVWithNames/i.test(format)) return 'text/csv; charset=UTF-8; header=present'
  return CONTENT_TYPES.find(([pattern]) => pattern.test(format))?.[1] ?? 'text/plain; charset=UTF-8'
}
