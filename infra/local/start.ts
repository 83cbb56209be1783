/**
 * `npm start` under the pinned Node; see start.js for the options. Starts everything, shows that it works, stays up
 * until it is told to end.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { assertLoginsHaveServers, endpointsFromEnvironment } from '../../operations/endpoints.ts'
import { localSettings } from '../../operations/settings.ts'
import { orAborted } from '../../runtime/or-aborted.ts'
import { DaybookError } from '../../schemas/errors.ts'
import { Keeper } from './keep-running.ts'
import { type StackLog, terminalLog } from './log.ts'
import { installPackedSdk } from './pack-sdk.ts'
import { startPipeline } from './pipeline.ts'
import { type Outcome, showTheWay } from './show.ts'
import { startStack } from './stack.ts'
import { type Claim, claimDataDir, runningStack, type StackState } from './stack-state.ts'
import { TOLD_TO_END, toldToEnd } from './told-to-end.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

interface Flags {
  readonly once: boolean
  readonly json: boolean
  readonly fresh: boolean
  readonly parentPipe: boolean
}

async function main(): Promise<number> {
  const flags = readFlags(process.argv.slice(2))
  const end = toldToEnd({ parentPipe: flags.parentPipe })
  const log = terminalLog(process.stderr)
  try {
    assertLoginsHaveServers(process.env)
  } catch (error) {
    log.line(told(error))
    return 1
  }
  const dataDir = flags.once
    ? mkdtempSync(join(tmpdir(), 'daybook-'))
    : (process.env['DAYBOOK_DATA_DIR'] ?? join(ROOT, '.daybook'))
  const claim = claimDataDir(dataDir)
  if (claim === null) return pointToTheFirst(dataDir, flags, log)
  try {
    if (flags.fresh) claim.wipe()
    return await run({ dataDir, flags, log, claim, end })
  } catch (error) {
    if (error === TOLD_TO_END) return 130
    log.line(told(error))
    return 1
  } finally {
    claim.release()
    if (flags.once) rmSync(dataDir, { recursive: true, force: true })
  }
}

function told(error: unknown): string {
  return error instanceof DaybookError ? `✗ ${error.code}: ${error.message}` : `✗ ${String(error)}`
}

interface RunOptions {
  readonly dataDir: string
  readonly flags: Flags
  readonly log: StackLog
  readonly claim: Claim
  /** Aborts when this process is told to end. */
  readonly end: AbortSignal
}

/** So often in a row may something end with `--once`, before the whole start has failed. Otherwise it goes on for ever. */
const MOST_ENDS_IN_ONCE = 3

async function run({ dataDir, flags, log, claim, end }: RunOptions): Promise<number> {
  const startedAt = Date.now()
  const failed = new AbortController()
  const signal = AbortSignal.any([end, failed.signal])
  const keeper = new Keeper({
    ...{ log, signal, onGivenUp: (error) => failed.abort(error) },
    ...(flags.once ? { mostInARow: MOST_ENDS_IN_ONCE } : {}),
  })
  const settings = localSettings(process.env)
  const packing = installPackedSdk(signal)
  packing.catch(() => {})
  const closing: (() => Promise<void>)[] = [() => packing.catch(() => {})]
  try {
    const stack = await startLocalStack({ dataDir, flags, log, signal })
    closing.push(() => stack.stop())
    for (const server of stack.components()) keeper.keep(server)
    const pipeline = await startPipeline({ stack, settings, dataDir, log, keeper, signal })
    closing.push(() => pipeline.drain())
    const { endpoints, logDir } = stack
    const state: StackState = { pid: process.pid, endpoints, ...settings, logDir }
    // Before anything is shown: commands are to find the servers when something keeps the events from coming.
    claim.publish(state)
    await orAborted(packing, signal)
    const { orders, outcome } = await showTheWay({
      ...{ stack, pipeline, settings, dataDir, log, once: flags.once, signal },
    })
    closing.push(() => orders.stop())
    keeper.keep(orders)
    tell(state, log)
    for (const line of outcome.lines) log.line(line)
    const seconds = (Date.now() - startedAt) / 1000
    if (flags.json) print({ ...resultOf(outcome), ...jsonOf(state), seconds })
    if (flags.once) return hasSucceeded(outcome) ? 0 : 1
    log.line(`Ctrl-C ends everything; the data stays in ${dataDir}.`)
    await untilEnd(end)
    log.line('stopping: what is open is delivered first')
    return 0
  } finally {
    keeper.stop()
    for (const close of closing.toReversed()) await close()
  }
}

function resultOf(outcome: Outcome): object {
  return outcome.kind === 'arrived' ? outcome.counts : { standstill: outcome.why }
}

function hasSucceeded(outcome: Outcome): boolean {
  return outcome.kind === 'arrived' && outcome.counts.lost + outcome.counts.duplicated === 0
}

function startLocalStack(o: Pick<RunOptions, 'dataDir' | 'flags' | 'log'> & { signal: AbortSignal }) {
  return startStack({
    ...{ dataDir: o.dataDir, log: o.log, signal: o.signal },
    ports: o.flags.once ? 'free' : 'fixed',
    external: endpointsFromEnvironment(process.env),
    clickhouseRole: 'serving',
  })
}

function untilEnd(end: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (end.aborted) resolve()
    end.addEventListener('abort', () => resolve(), { once: true })
  })
}

function pointToTheFirst(dataDir: string, flags: Flags, log: StackLog): number {
  if (flags.fresh) {
    log.line(`✗ another start uses ${dataDir}; end it before --fresh`)
    return 1
  }
  const state = runningStack(dataDir)
  if (state === null) {
    log.line(`another start is on its way in ${dataDir}; try again when it is up`)
    return 1
  }
  log.line(`Daybook is up already (process ${state.pid}).`)
  tell(state, log)
  if (flags.json) print(jsonOf(state))
  return 0
}

function tell({ endpoints, logDir, bucket }: StackState, log: StackLog): void {
  log.line(`  Kafka       ${endpoints.kafka.brokers.join(',')}`)
  log.line(`  registry    ${endpoints.registry.url}`)
  log.line(`  ClickHouse  ${endpoints.clickhouse.url}`)
  log.line(`  S3          ${endpoints.s3.endpoint}, bucket ${bucket}`)
  log.line(`  logs        ${logDir}`)
}

function jsonOf({ endpoints, bucket, topics }: StackState) {
  const { kafka, registry, clickhouse, s3 } = endpoints
  return {
    endpoints: {
      kafka: kafka.brokers.join(','),
      registry: registry.url,
      clickhouse: clickhouse.url,
      s3: s3.endpoint,
    },
    credentials: {
      registry: registry.auth ?? null,
      clickhouse: { user: clickhouse.user, password: clickhouse.password },
      s3: { region: s3.region, accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
    },
    bucket,
    topic: topics[0],
    view: 'daybook.audit',
  }
}

function readFlags(args: readonly string[]): Flags {
  const has = (name: string) => args.includes(name)
  return { once: has('--once'), json: has('--json'), fresh: has('--fresh'), parentPipe: has('--parent-pipe') }
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

// What was broken off may still hold connections open: nothing is waited for any more.
process.exit(await main())
