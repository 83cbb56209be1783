import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Kafka, type KafkaConfig, type LogEntry, logLevel, type SASLOptions } from 'kafkajs'
import { wholeAnswerSocket } from '../../../runtime/kafka-wire/socket.ts'
import { DaybookError } from '../../../schemas/errors.ts'

/** The client's inner parts that `kafkajs-internals.ts` relies on were read in this version. */
export const CLIENT_VERSION = '2.2.4'

export interface KafkaConnection {
  readonly brokers: readonly string[]
  readonly ssl?: KafkaConfig['ssl']
  readonly sasl?: SASLOptions
  readonly clientId?: string
}

/**
 * Where the client's own warnings and errors go, all as warnings: what it logs as an error is tried again, and what
 * ends a worker reaches the caller as an error of ours. Never receives payloads.
 */
export interface ClientLog {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void
}

/** @throws DaybookError DAYBOOK_KAFKA_CLIENT_VERSION when another version of kafkajs is installed. */
export function assertClientVersion(installed: string = installedVersion()): void {
  if (installed === CLIENT_VERSION) return
  throw new DaybookError(
    'DAYBOOK_KAFKA_CLIENT_VERSION',
    `kafkajs ${installed} is installed, but its inner workings were examined in ${CLIENT_VERSION} only: ` +
      `run npm ci, or pin "kafkajs": "${CLIENT_VERSION}" in package.json`,
    { scope: 'worker', details: { installed, expected: CLIENT_VERSION } },
  )
}

function installedVersion(): string {
  const path = createRequire(import.meta.url).resolve('kafkajs/package.json')
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'))
  const version = typeof parsed === 'object' && parsed !== null && 'version' in parsed ? parsed.version : null
  return typeof version === 'string' ? version : 'unknown'
}

/** How often kafkajs tries to reach a broker before the caller sees an error, and its pauses between. */
const PATIENCE = {
  /** A minute and more: for callers that do not try again themselves. */
  long: { initialRetryTime: 250, maxRetryTime: 10_000, retries: 12 },
  /** About a second: for those that do, and that have more to do meanwhile. */
  short: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 3 },
} as const

/** A client with bounded waits. Topics are never created by asking for them. */
export function createKafkaClient(
  connection: KafkaConnection,
  log?: ClientLog,
  patience: keyof typeof PATIENCE = 'long',
): Kafka {
  assertClientVersion()
  return new Kafka({
    brokers: [...connection.brokers],
    clientId: connection.clientId ?? 'daybook',
    ...(connection.ssl === undefined ? {} : { ssl: connection.ssl }),
    ...(connection.sasl === undefined ? {} : { sasl: connection.sasl }),
    socketFactory: wholeAnswerSocket,
    connectionTimeout: 10_000,
    requestTimeout: 30_000,
    retry: PATIENCE[patience],
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => forward(entry, log),
  })
}

function forward(entry: LogEntry, log: ClientLog | undefined): void {
  if (log === undefined) return
  const { message, timestamp: _timestamp, stack: _stack, logger: _logger, error, ...fields } = entry.log
  // The client gives the text of an error; a log's field of that name takes error objects.
  const reason = typeof error === 'string' ? { reason: error } : {}
  log.warn({ component: `kafkajs.${entry.namespace}`, ...fields, ...reason }, message)
}
