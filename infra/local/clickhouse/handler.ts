/** One HTTP request: its own engine connection, prepared with the request's settings, then read or written through. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Account, authenticate } from './accounts.ts'
import { type Answer, createAnswer } from './answer.ts'
import { type BodyReader, decodedBody } from './body.ts'
import { EngineException, notImplemented, parseEngineException, syntaxError } from './exception.ts'
import type { Ending, Exchange, HandlerOptions } from './exchange.ts'
import { runInsert } from './insert.ts'
import type { Statement } from './parsed-statement.ts'
import { prepare } from './prepare.ts'
import { header, readRequest, type ServerRequest } from './request.ts'
import { sendResult } from './result.ts'
import { type Lease, ownConnection } from './sessions.ts'
import { parseStatement } from './statement.ts'

/** The longest text of a statement; rows behind an INSERT do not count. */
const STATEMENT_BYTES = 16 << 20

export async function handleQuery(
  options: HandlerOptions,
  message: IncomingMessage,
  response: ServerResponse,
  url: URL,
): Promise<void> {
  const { engine } = options
  const queryId = url.searchParams.get('query_id') ?? randomUUID()
  const answer = createAnswer({ response, queryId, version: engine.version, timezone: engine.timezone })
  let ending: Ending
  try {
    ending = await run({ ...options, message, response, answer, url })
  } catch (error) {
    const exception = error instanceof EngineException ? error : parseEngineException(String(error))
    ending = () => (response.headersSent ? response.destroy() : answer.fail(exception))
  }
  await ending()
}

interface Incoming extends HandlerOptions {
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly answer: Answer
  readonly url: URL
}

async function run(incoming: Incoming): Promise<Ending> {
  const { message, url } = incoming
  const request = readRequest(message, url)
  const account = authenticate(incoming.accounts, request)
  const type = header(message, 'content-type') ?? ''
  if (type.startsWith('multipart/form-data')) throw notImplemented('External data (multipart/form-data)')
  const body = decodedBody(message)
  const { statement, rest } = await readStatement(request, body)
  const lease = leaseFor(incoming, request, account)
  try {
    const { connection } = lease
    const undo = await prepare(connection, request, account)
    try {
      return await execute({ ...incoming, request, connection }, statement, rest, body)
    } finally {
      if (request.session !== null) await undo()
    }
  } finally {
    lease.release()
  }
}

function leaseFor(options: HandlerOptions, request: ServerRequest, account: Account): Lease {
  if (request.session === null) return ownConnection(options.engine)
  // Read-only mode cannot be left again, so it cannot be set for one request of a session.
  if (request.readonly) throw notImplemented('GET within a session')
  if (account.frozen) throw notImplemented('A session of a read-only user')
  return options.sessions.lease({ user: account.name, ...request.session })
}

async function execute(
  exchange: Exchange,
  statement: Statement,
  rest: Buffer,
  body: BodyReader,
): Promise<Ending> {
  const { answer, connection, request, response, running } = exchange
  const format =
    (statement.kind === 'insert' ? null : statement.format) ?? request.defaultFormat ?? 'TabSeparated'
  if (statement.kind === 'read') return sendResult(exchange, statement.intoFile, format)
  if (statement.kind === 'insert' || statement.writes) {
    const outcome = await (statement.kind === 'insert'
      ? runInsert({
          ...exchange,
          statement: statement.withPipe,
          head: rest,
          body,
          receiveTimeoutMs: receiveTimeoutMs(request),
        })
      : connection.insert(statement.text))
    return () => {
      answer.begin(null, null, written(outcome))
      response.end()
    }
  }
  const work = connection.run(statement.text, format)
  const result = await (statement.verb === 'KILL' ? running.duringKill(work) : work)
  return () => {
    answer.begin(format, null, { resultRows: result.resultRows, resultBytes: result.resultBytes })
    response.end(result.bytes)
  }
}

function written(outcome: { readonly writtenRows: number; readonly writtenBytes: number }) {
  const { writtenRows, writtenBytes } = outcome
  return {
    readRows: writtenRows,
    readBytes: writtenBytes,
    writtenRows,
    writtenBytes,
    resultRows: writtenRows,
    resultBytes: writtenBytes,
  }
}

/** The server waits 30 s for more of a body, unless `http_receive_timeout` (seconds) says otherwise. */
function receiveTimeoutMs(request: ServerRequest): number {
  const seconds = Number(
    request.settings.get('http_receive_timeout') ?? request.settings.get('receive_timeout') ?? 30,
  )
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 30_000
}

/** Reads as much of the request as makes a statement; `rest` is what was read beyond it. */
async function readStatement(
  request: ServerRequest,
  body: BodyReader,
): Promise<{ readonly statement: Statement; readonly rest: Buffer }> {
  // A line feed stands between the two parts, as in the server.
  let bytes: Buffer = Buffer.from(request.urlQuery === '' ? '' : `${request.urlQuery}\n`)
  let complete = false
  for (;;) {
    const parsed = parseStatement(bytes, complete)
    if (parsed.kind !== 'more') {
      return {
        statement: parsed,
        rest: parsed.kind === 'insert' ? bytes.subarray(parsed.dataAt) : bytes.subarray(0, 0),
      }
    }
    const more = await nextParts(body, parsed.toEnd, STATEMENT_BYTES - bytes.length)
    complete = more === null || parsed.toEnd
    if (more !== null) bytes = Buffer.concat([bytes, more])
  }
}

/** The next part of the body, or all that is left of it. Null at its end. */
async function nextParts(body: BodyReader, toEnd: boolean, maxBytes: number): Promise<Buffer | null> {
  const parts: Buffer[] = []
  let left = maxBytes
  for (;;) {
    if (left < 0) {
      throw new EngineException(
        494,
        'QUERY_IS_TOO_LARGE',
        `The statement is longer than ${STATEMENT_BYTES} bytes.`,
      )
    }
    const part = await nextPart(body)
    if (part === null) return parts.length === 0 ? null : Buffer.concat(parts)
    if (!toEnd) return part
    parts.push(part)
    left -= part.length
  }
}

async function nextPart(body: BodyReader): Promise<Buffer | null> {
  try {
    return await body.next()
  } catch (error) {
    throw syntaxError(`The request's body cannot be read: ${String(error)}`)
  }
}
