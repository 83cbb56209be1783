/**
 * The embedded ClickHouse engine (npm `chdb`), one data directory per process.
 *
 * Why the native addon and not `Session`: `Session.close()` postpones the release of a connection until *every*
 * native operation of the process has ended, so one long insert would pin the connections of all requests behind
 * it; and `queryBindAsync` runs parameterised queries one at a time over the whole process, so an insert that waits
 * for its body would stop every other query with parameters. Here each request owns one connection, runs its
 * statements on it one after the other, and closes it itself. Parameters are set with `SET param_…`, which is per
 * connection.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { EngineException, parseEngineException } from './exception.ts'

export interface ReadOutcome {
  readonly bytes: Buffer
  readonly resultRows: number
  readonly resultBytes: number
}

export interface WriteOutcome {
  readonly writtenRows: number
  readonly writtenBytes: number
}

/** One engine connection: its settings, parameters and current database are its own. Statements run one at a time. */
export interface Connection {
  /** Runs one statement on a worker thread. Rejects with `EngineException`. */
  run(sql: string, format: string): Promise<ReadOutcome>
  /** Runs one INSERT on a worker thread. When it resolves, what it wrote is in the table. */
  insert(sql: string): Promise<WriteOutcome>
  /** Releases the connection. Must not be called while a statement runs on it. */
  close(): void
}

export interface Engine {
  /** Version text as in the server's messages, such as `26.7.2.1`. */
  readonly version: string
  readonly timezone: string
  connect(): Connection
  close(): void
}

export interface EngineOptions {
  readonly dataDir: string
  /** Command-line arguments of the engine, such as `--config-file=…`. */
  readonly engineArgs: readonly string[]
}

type Handle = object

interface NativeRead {
  readonly bytes: Buffer
  readonly rowsRead: number
  readonly bytesRead: number
}

interface NativeWrite {
  readonly rowsWritten: number
  readonly bytesWritten: number
}

interface Native {
  CreateConnection(path: string, args?: readonly string[]): Handle
  CloseConnection(handle: Handle): void
  QueryAsyncConnection(handle: Handle, sql: string, format: string): Promise<NativeRead>
  InsertRawAsyncConnection(handle: Handle, sql: string, data: Buffer, count: boolean): Promise<NativeWrite>
}

const NOTHING = Buffer.alloc(0)

export async function openEngine(options: EngineOptions): Promise<Engine> {
  const native = loadNative()
  // Keeps the engine alive between requests: it shuts down with its last connection.
  const keeper = native.CreateConnection(options.dataDir, options.engineArgs)
  const probe = await native.QueryAsyncConnection(keeper, 'SELECT version(), timezone()', 'TSV')
  const [version = '', timezone = 'UTC'] = probe.bytes.toString().trim().split('\t')
  return {
    version,
    timezone,
    connect: () => connection(native, native.CreateConnection(options.dataDir, options.engineArgs)),
    close: () => native.CloseConnection(keeper),
  }
}

function connection(native: Native, handle: Handle): Connection {
  return {
    run: async (sql, format) => {
      const read = await native.QueryAsyncConnection(handle, sql, format).catch(raise)
      return { bytes: read.bytes, resultRows: read.rowsRead, resultBytes: read.bytesRead }
    },
    insert: async (sql) => {
      const written = await native.InsertRawAsyncConnection(handle, sql, NOTHING, false).catch(raise)
      return { writtenRows: written.rowsWritten, writtenBytes: written.bytesWritten }
    },
    close: () => native.CloseConnection(handle),
  }
}

function raise(error: unknown): never {
  throw error instanceof EngineException
    ? error
    : parseEngineException(String(error instanceof Error ? error.message : error))
}

function loadNative(): Native {
  const require = createRequire(import.meta.url)
  const loader: { loadNative(): Native } = require(
    join(dirname(require.resolve('chdb')), 'dist', 'loader.js'),
  )
  return loader.loadNative()
}
