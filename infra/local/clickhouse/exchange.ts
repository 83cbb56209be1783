import type { ServerResponse } from 'node:http'
import type { Accounts } from './accounts.ts'
import type { Answer } from './answer.ts'
import type { Connection, Engine } from './engine.ts'
import type { PipePool } from './named-pipes.ts'
import type { ServerRequest } from './request.ts'
import type { Running } from './running.ts'
import type { Sessions } from './sessions.ts'

export interface HandlerOptions {
  readonly engine: Engine
  readonly accounts: Accounts
  readonly pipes: PipePool
  readonly running: Running
  readonly sessions: Sessions
  /** Where answers of `wait_end_of_query=1` wait for their end. */
  readonly spoolDir: string
}

/** Everything that is needed while one request is served. */
export interface Exchange extends HandlerOptions {
  readonly response: ServerResponse
  readonly request: ServerRequest
  readonly answer: Answer
  readonly connection: Connection
}

/**
 * The last part of an answer. It is sent when the connection is free again, so that a client may use its session, or
 * the process list, as soon as it has the answer.
 */
export type Ending = () => unknown
