import { type DestinationStream, type Logger, pino } from 'pino'
import { DaybookError } from '../schemas/errors.ts'

export type Log = Logger

export interface LogOptions {
  /** Which process writes the line: `hot`, `cold`, `cli`. */
  readonly service: string
  readonly version: string
  readonly level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
  /** Standard output when not given. */
  readonly destination?: DestinationStream
}

/**
 * Names under which a secret or an event's content could be handed to a log call. They are cut at the top and one
 * level down. That is the second line of defence: no call site logs records.
 */
const REDACTED = [
  'password',
  'secret',
  'secretAccessKey',
  'authorization',
  'sasl',
  'signingKey',
  'privateKey',
  'payload',
  'value',
  'record',
  'records',
  'event',
  'headers',
  'body',
]

/** JSON lines on standard output: ISO time, level name, service, message. */
export function createLog({ service, version, level, destination }: LogOptions): Log {
  const options = {
    level,
    base: { service, version },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError, error: describeError },
    redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`]), censor: '[redacted]' },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

const MAX_CAUSES = 4

/** What a log line says of an error: for ours code and details; for foreign ones name, code and message. */
export function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return { message: typeof error }
  const cause =
    error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: describeError(error.cause, depth + 1) }
  if (!(error instanceof DaybookError)) {
    const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {}
    return { name: error.name, ...code, message: error.message, stack: error.stack, ...cause }
  }
  const details = Object.fromEntries(
    Object.entries(error.details).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? String(value) : value,
    ]),
  )
  return { code: error.code, message: error.message, retryable: error.retryable, details, ...cause }
}
