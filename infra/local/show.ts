import { join } from 'node:path'
import type { LocalSettings } from '../../operations/settings.ts'
import { orAborted } from '../../runtime/or-aborted.ts'
import { type ArrivalWait, Standstill, untilArrived } from './arrival-wait.ts'
import { type ArchiveFinding, type Arrivals, askArchive, askClickHouse, askHot } from './arrivals.ts'
import type { Component } from './components/component.ts'
import { driveOrders, ordersComponent, readOrders } from './components/orders.ts'
import type { StackLog, Step } from './log.ts'
import { LOCAL_CUT_MS, type Pipeline, type PipelineWorker } from './pipeline.ts'
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

export interface Counts {
  readonly emitted: number
  readonly queryable: number
  readonly archived: number
  readonly lost: number
  readonly duplicated: number
}

/** `lines` are for the terminal. */
export type Outcome =
  | { readonly kind: 'arrived'; readonly counts: Counts; readonly lines: readonly string[] }
  /** Not all has come, and nothing more comes; `why` says what to look at. What came stays, the rest waits in Kafka. */
  | { readonly kind: 'stands'; readonly why: string; readonly lines: readonly string[] }

export interface Shown {
  readonly orders: Component
  readonly outcome: Outcome
}

const ROUNDS = 12
/** The example emits to the first retention class. */
const EXAMPLE_TOPIC = 0

/** Runs the example under real traffic and waits until all it emitted can be queried and is locked, or stands still. */
export async function showTheWay(options: ShowOptions): Promise<Shown> {
  const { stack, dataDir } = options
  const port = await freePort()
  const orders = ordersComponent({
    endpoints: stack.endpoints,
    port,
    dataDir: join(dataDir, 'orders'),
    logFile: join(stack.logDir, 'orders.log'),
  })
  try {
    const emitted = await emitEvents(options, orders, port)
    return { orders, outcome: await follow(options, emitted, port) }
  } catch (error) {
    await orders.stop()
    throw error
  }
}

async function follow(options: ShowOptions, emitted: Emitted, port: number): Promise<Outcome> {
  try {
    const hot = await queryableEvents(options, emitted)
    const cold = await lockedEvents(options, emitted)
    const lines = await orAborted(linesOf(options, { port, cold }), options.signal)
    return { kind: 'arrived', counts: countsOf(emitted.events, hot, cold), lines }
  } catch (error) {
    if (!(error instanceof Standstill)) throw error
    const remedy = options.once ? [] : ['', 'mend     npm run daybook -- status', ...REMEDY, '']
    return { kind: 'stands', why: error.message, lines: remedy }
  }
}

const REMEDY = [
  '         → says what stands still, where, and how to mend it; it then goes on by itself.',
  '         All else runs. What has not come yet waits in Kafka.',
]

interface Emitted {
  readonly producerId: string
  readonly events: number
  /** Archive objects before are not looked at. */
  readonly sinceMs: number
}

async function emitEvents(
  { log, once, signal }: ShowOptions,
  orders: Component,
  port: number,
): Promise<Emitted> {
  const sinceMs = Date.now() - 60_000
  const traffic = log.step('the example service under HTTP traffic')
  await orAborted(orders.start(), signal)
  const requests = await driveOrders(port, ROUNDS, signal)
  const { producerId, emitted: running } = await orAborted(readOrders(port), signal)
  if (once) await orAborted(orders.stop(), signal)
  // Stopping, the SDK says so in one more event.
  const events = running + (once ? 1 : 0)
  traffic.done(`${requests} requests, ${events} events`)
  return { producerId, events, sinceMs }
}

async function queryableEvents(options: ShowOptions, emitted: Emitted): Promise<Arrivals> {
  const { stack, log, pipeline, signal } = options
  const queryable = log.step('its events become queryable')
  const { clickhouse } = stack.endpoints
  const hot = await arrived(queryable, {
    ask: () => askHot(clickhouse, emitted.producerId),
    countOf: (answer) => answer.queryable,
    wanted: emitted.events,
    worker: bringing(options, pipeline.workers.hot),
    signal,
  })
  queryable.done(`${hot.queryable} events in daybook.audit`)
  return hot
}

async function lockedEvents(options: ShowOptions, emitted: Emitted): Promise<ArchiveFinding> {
  const { log, once, pipeline, signal } = options
  const locked = log.step(
    `and locked (files are closed after ${LOCAL_CUT_MS / 1_000} s here, a minute in production)`,
  )
  const worker = bringing(options, pipeline.workers.cold)
  if (once) {
    await arrived(locked, {
      ask: () => pipeline.workers.cold.hasFetched(emitted.events),
      countOf: Number,
      wanted: 1,
      ...{ worker, signal },
    })
    await orAborted(pipeline.drain(), signal)
  }
  const { producerId, sinceMs } = emitted
  const ask = () => askArchive({ ...archiveOf(options), producerId, sinceMs })
  // Nobody writes any more after the drain: what is not there then is lost, and the counts say so.
  const cold = once
    ? await orAborted(ask(), signal)
    : await arrived(locked, {
        ask,
        countOf: (answer) => answer.archived,
        wanted: emitted.events,
        ...{ worker, signal },
      })
  locked.done(`${cold.archived} events under Object Lock`)
  return cold
}

/** Ends the step as failed where it stands still. */
async function arrived<T>(step: Step, wait: ArrivalWait<T>): Promise<T> {
  try {
    return await untilArrived(wait)
  } catch (error) {
    if (error instanceof Standstill) step.fail(error.message)
    throw error
  }
}

/** A worker, as far as it brings the example's events. */
function bringing({ settings }: ShowOptions, worker: PipelineWorker): ArrivalWait<unknown>['worker'] {
  return {
    name: worker.name,
    stopped: () => worker.stopped(settings.topics[EXAMPLE_TOPIC] ?? ''),
    unreadiness: () => worker.unreadiness(),
  }
}

function archiveOf({ stack, settings, pipeline }: ShowOptions) {
  const topic = settings.topics[EXAMPLE_TOPIC]
  const signingKeyFile = pipeline.env['DAYBOOK_SIGNING_KEY_FILE']
  if (topic === undefined || signingKeyFile === undefined) throw new Error('DAYBOOK_TOPICS names no topic')
  return { s3: stack.endpoints.s3, bucket: settings.bucket, topic, signingKeyFile }
}

function countsOf(emitted: number, hot: Arrivals, cold: ArchiveFinding): Counts {
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
