import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { run } from '../artifacts/run.ts'
import { type Component, component } from './component.ts'

export interface KafkaOptions {
  readonly jarDir: string
  readonly dataDir: string
  readonly logFile: string
  readonly port: number
  readonly controllerPort: number
  /** Further listeners, for clients that connect through a proxy: the broker gives them the proxy's address. */
  readonly relayed?: readonly RelayedListener[]
  /** Properties of the broker that are to be otherwise. */
  readonly settings?: Readonly<Record<string, string>>
}

export interface RelayedListener {
  /** Where the broker listens. */
  readonly port: number
  /** Where the proxy in front of it listens. */
  readonly advertisedPort: number
}

/**
 * What all requests together may take of the broker's memory, whoever sends them. A buffer as large as a request says it
 * is exists as soon as its first four bytes have come, before anybody has looked who sends it and whether it is allowed.
 */
export const REQUEST_BOUNDS = {
  // The largest batch that a topic may take (16 MiB) and its frame. What says it is larger is not read: the connection
  // is closed.
  'socket.request.max.bytes': '20971520',
  // Of all requests that are being read, wait or are worked on: beyond it no connection is read from until one is done.
  // It may be passed by one request, and the listener of the controller has as much again.
  'queued.max.request.bytes': '67108864',
} as const

/** Else the threads that ran out of memory end, and the process stays: it answers nobody, and nobody starts it again. */
export const ENDS_WITHOUT_MEMORY = '-XX:+ExitOnOutOfMemoryError'

/** One node that is broker and controller. It is ready when it can name the coordinator of a consumer group. */
export function kafkaComponent(options: KafkaOptions): Component {
  const properties = join(options.dataDir, 'server.properties')
  const logDir = join(options.dataDir, 'log')
  const classPath = join(options.jarDir, '*')
  return component({
    name: 'kafka',
    command: 'java',
    args: [
      '-Xmx512m',
      ENDS_WITHOUT_MEMORY,
      '-XX:+UseSerialGC',
      '-Dorg.slf4j.simpleLogger.showDateTime=true',
      '-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd HH:mm:ss.SSS',
      '-cp',
      classPath,
      'kafka.Kafka',
      properties,
    ],
    env: process.env,
    cwd: options.dataDir,
    logFile: options.logFile,
    graceSeconds: 20,
    prepare: async () => {
      mkdirSync(options.dataDir, { recursive: true })
      writeFileSync(properties, serverProperties({ ...options, logDir }))
      if (!existsSync(join(logDir, 'meta.properties'))) await format(classPath, properties)
    },
    probe: () => askForCoordinator(`127.0.0.1:${options.port}`),
  })
}

function serverProperties(options: KafkaOptions & { readonly logDir: string }): string {
  const relayed = (options.relayed ?? []).map((listener, at) => ({ name: `RELAYED${at}`, ...listener }))
  const protocols = ['PLAINTEXT', 'CONTROLLER', ...relayed.map(({ name }) => name)]
  const at = (name: string, port: number) => `${name}://127.0.0.1:${port}`
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.quorum.voters': `1@127.0.0.1:${options.controllerPort}`,
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'listener.security.protocol.map': protocols.map((name) => `${name}:PLAINTEXT`).join(','),
    listeners: [
      at('PLAINTEXT', options.port),
      at('CONTROLLER', options.controllerPort),
      ...relayed.map(({ name, port }) => at(name, port)),
    ].join(','),
    'advertised.listeners': [
      at('PLAINTEXT', options.port),
      ...relayed.map(({ name, advertisedPort }) => at(name, advertisedPort)),
    ].join(','),
    'log.dirs': options.logDir,
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '3',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'transaction.state.log.num.partitions': '3',
    // A broker that was killed is let back in when its old session has run out.
    'broker.session.timeout.ms': '2000',
    'broker.heartbeat.interval.ms': '500',
    'group.initial.rebalance.delay.ms': '0',
    // Lets tests see a dead worker within seconds.
    'group.min.session.timeout.ms': '1000',
    'auto.create.topics.enable': 'false',
    // What a producer that opens a transaction and leaves can hold up at most.
    'transaction.max.timeout.ms': '60000',
    'message.max.bytes': '4194304',
    ...REQUEST_BOUNDS,
    'log.message.timestamp.type': 'LogAppendTime',
    // Committed offsets must outlive a worker that stands still for as long as a topic keeps its records.
    'offsets.retention.minutes': '43200',
    ...options.settings,
  }
  return Object.entries(settings)
    .map(([key, value]) => `${key}=${value}\n`)
    .join('')
}

async function format(classPath: string, properties: string): Promise<void> {
  // Kafka's own spelling of a UUID; a leading dash would be taken for an option.
  const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A')
  await run({
    command: 'java',
    args: ['-XX:TieredStopAtLevel=1', '-cp', classPath, 'kafka.tools.StorageTool', 'format'].concat([
      '-t',
      clusterId,
      '-c',
      properties,
    ]),
    remedy: 'Start with --fresh if the data directory was damaged.',
  })
}

async function askForCoordinator(broker: string): Promise<void> {
  const kafka = new Kafka({
    brokers: [broker],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 3_000,
    retry: { retries: 3, initialRetryTime: 50 },
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
    await admin.fetchOffsets({ groupId: 'daybook-ready' })
  } finally {
    await admin.disconnect()
  }
}
