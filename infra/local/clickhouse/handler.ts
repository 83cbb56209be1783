/** One HTTP request: its own engine connection, prepared with the request's settings, then read or written through. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Accounts, authenticate } from './accounts.ts'
import { type Answer, createAnswer } from './answer.ts'
import { type BodyReader, bodyReader, decodedBody } from './body.ts'
import type { Connection, Engine } from './engine.ts'
import { EngineException, parseEngineException, syntaxError } from './exception.ts'
import type { FifoPool } from './fifo.ts'
import { runInsert } from './insert.ts'
import { prepare } from './prepare.ts'
import { type FaceRequest, readRequest } from './request.ts'
import { sendResult } from './result.ts'
import type { Running } from './running.ts'
import { parseStatement, type Statement } from './statement.ts'

export interface HandlerOptions {
  readonly engine: Engine
  readonly accounts: Accounts
  readonly fifos: FifoPool
  readonly running: Running
  /** Where answers of `wait_end_of_query=1` wait for their end. */
  readonly spoolDir: string
}

/** Everything that is needed while one request is served. */
export interface Exchange extends HandlerOptions {
  readonly message: IncomingMessage
  readonly response: ServerResponse
  readonly request: FaceRequest
  readonly answer: Answer
  readonly connection: Connection
}

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
  let connection: Connection | undefined
  try {
    const request = readRequest(message, url)
    const account = authenticate(options.accounts, request)
    const body = bodyReader(decodedBody(message, request))
    const { statement, rest } = await readStatement(request, body)
    connection = engine.connect()
    await prepare(connection, request, account)
    await execute({ ...options, message, response, request, answer, connection }, statement, rest, body)
  } catch (error) {
    const exception = error instanceof EngineException ? error : parseEngineException(String(error))
    if (response.headersSent) response.destroy()
    else answer.fail(exception)
  } finally {
    connection?.close()
  }
}

async function execute(
  exchange: Exchange,
  statement: Statement,
  rest: Buffer,
  body: BodyReader,
): Promise<void> {
  const { answer, connection, request, response, running } = exchange
  const format =
    (statement.kind === 'insert' ? null : statement.format) ?? request.defaultFormat ?? 'TabSeparated'
  if (statement.kind === 'read') return sendResult(exchange, statement.intoFile, format)
  if (statement.kind === 'insert') {
    const outcome = await runInsert({
      ...exchange,
      statement: statement.withPipe,
      head: rest,
      body,
      receiveTimeoutMs: receiveTimeoutMs(request),
    })
    answer.begin(null, null, written(outcome))
    response.end()
    return
  }
  if (statement.writes) {
    answer.begin(null, null, written(await connection.insert(statement.text)))
    response.end()
    return
  }
  const work = connection.run(statement.text, format)
  const result = await (statement.verb === 'KILL' ? running.duringKill(work) : work)
  answer.begin(format, null, { resultRows: result.resultRows, resultBytes: result.resultBytes })
  response.end(result.bytes)
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
function receiveTimeoutMs(request: FaceRequest): number {
  const seconds = Number(
    request.settings.get('http_receive_timeout') ?? request.settings.get('receive_timeout') ?? 30,
  )
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : 30_000
}

/** Reads as much of the request as makes a statement; `rest` is what was read beyond it. */
async function readStatement(
  request: FaceRequest,
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
    if (bytes.length > STATEMENT_BYTES) {
      throw new EngineException(
        494,
        'QUERY_IS_TOO_LARGE',
        `The statement is longer than ${STATEMENT_BYTES} bytes.`,
      )
    }
    const chunk = await nextPart(body)
    complete = chunk === null
    if (chunk !== null) bytes = Buffer.concat([bytes, chunk])
  }
}

async function nextPart(body: BodyReader): Promise<Buffer | null> {
  try {
    return await body.next()
  } catch (error) {
    throw syntaxError(`The request's body cannot be read: ${String(error)}`)
  }
}
