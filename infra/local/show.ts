import { join } from 'node:path'
import type { LocalSettings } from '../../operations/settings.ts'
import { type ArchiveFinding, type Arrivals, askArchive, askClickHouse, askHot } from './arrivals.ts'
import type { Component } from './components/component.ts'
import { driveOrders, ordersComponent, readOrders } from './components/orders.ts'
import type { StackLog } from './log.ts'
import { LOCAL_CUT_MS, type Pipeline } from './pipeline.ts'
import { freePort } from './ports.ts'
import type { Stack } from './stack.ts'

export interface ShowOptions {
  readonly stack: Stack
  readonly pipeline: Pipeline
  readonly settings: LocalSettings
  readonly dataDir: string
  readonly log: StackLog
  /** Ends the service and drains the workers, so that the counts are final. */
  readonly once: boolean
  readonly signal: AbortSignal
}

export interface Shown {
  readonly orders: Component
  readonly counts: {
    readonly emitted: number
    readonly queryable: number
    readonly archived: number
    readonly lost: number
    readonly duplicated: number
  }
  /** For the terminal. */
  readonly lines: readonly string[]
}

const ROUNDS = 12
const POLL_MS = 200
/** The example emits to the first retention class. */
const EXAMPLE_TOPIC = 0

/** Runs the example under real traffic and waits until all it emitted can be queried and is locked. */
export async function showTheWay(options: ShowOptions): Promise<Shown> {
  const { stack, log, dataDir, signal } = options
  const sinceMs = Date.now() - 60_000
  const port = await freePort()
  const orders = ordersComponent({
    endpoints: stack.endpoints,
    port,
    dataDir: join(dataDir, 'orders'),
    logFile: join(stack.logDir, 'orders.log'),
  })
  const traffic = log.step('the example service under HTTP traffic')
  await orders.start()
  const requests = await driveOrders(port, ROUNDS)
  const { producerId, emitted: running } = await readOrders(port)
  if (options.once) await orders.stop()
  // Stopping, the SDK says so in one more event.
  const emitted = running + (options.once ? 1 : 0)
  traffic.done(`${requests} requests, ${emitted} events`)

  const queryable = log.step('its events become queryable')
  const hot = await until(
    () => askHot(stack.endpoints.clickhouse, producerId),
    (answer) => answer.queryable >= emitted,
    signal,
  )
  queryable.done(`${hot.queryable} events in daybook.audit`)
  const locked = log.step(
    `and locked (files are closed after ${LOCAL_CUT_MS / 1_000} s here, a minute in production)`,
  )
  if (options.once) {
    await options.pipeline.fetched(emitted, signal)
    await options.pipeline.drain()
  }
  const cold = await until(
    () => askArchive({ ...archiveOf(options), producerId, sinceMs }),
    (answer) => answer.archived >= emitted,
    signal,
  )
  locked.done(`${cold.archived} events under Object Lock`)
  return {
    orders,
    counts: countsOf(emitted, hot, cold),
    lines: await linesOf(options, { port, cold }),
  }
}

function archiveOf({ stack, settings, pipeline }: ShowOptions) {
  const topic = settings.topics[EXAMPLE_TOPIC]
  const signingKeyFile = pipeline.env['DAYBOOK_SIGNING_KEY_FILE']
  if (topic === undefined || signingKeyFile === undefined) throw new Error('DAYBOOK_TOPICS names no topic')
  return { s3: stack.endpoints.s3, bucket: settings.bucket, topic, signingKeyFile }
}

function countsOf(emitted: number, hot: Arrivals, cold: ArchiveFinding): Shown['counts'] {
  const { queryable, duplicated } = hot
  const { archived } = cold
  return { emitted, queryable, archived, lost: emitted - Math.min(queryable, archived), duplicated }
}

const EXAMPLE_QUERY =
  "SELECT actor_id, action, outcome_status, target_id FROM daybook.audit WHERE tenant_id = 'acme' AND outcome_status = 'DENIED' ORDER BY occurred_at DESC LIMIT 1"

const EXAMPLE_EVENT =
  '{"tenant":"acme","action":"door.opened","actor":{"id":"u-1","type":"user"},"target":{"type":"door","id":"1"}}'

async function linesOf(
  options: ShowOptions,
  { port, cold }: { port: number; cold: ArchiveFinding },
): Promise<string[]> {
  const answer = await askClickHouse(options.stack.endpoints.clickhouse, `${EXAMPLE_QUERY} FORMAT TSV`)
  return [
    '',
    `ask      npm run daybook -- sql "${EXAMPLE_QUERY}"`,
    `         → ${answer.trim().replaceAll('\t', '  ')}`,
    'archive  npm run daybook -- archive ls',
    `         → ${cold.key}, which holds ${cold.inObject} events of the example, the last one ${String(cold.event?.['action'])}`,
    `emit     echo '${EXAMPLE_EVENT}' | npm run daybook -- emit`,
    `         or use the example: curl http://127.0.0.1:${port}/health`,
    '',
  ]
}

/** Asks until the answer will do; the last answer where the caller is told to end. */
async function until<T>(
  ask: () => Promise<T>,
  isEnough: (answer: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (isEnough(answer)) return answer
    signal.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
