/**
 * `npm start` under the pinned Node; see start.js for the options. Starts everything, shows that it works, stays up
 * until it is told to end.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { endpointsFromEnvironment } from '../../operations/endpoints.ts'
import { localSettings } from '../../operations/settings.ts'
import { DaybookError } from '../../schemas/errors.ts'
import type { Component } from './components/component.ts'
import { type StackLog, terminalLog } from './log.ts'
import { installPackedSdk } from './pack-sdk.ts'
import { startPipeline } from './pipeline.ts'
import { showTheWay } from './show.ts'
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
  const log = terminalLog(process.stderr)
  const dataDir = flags.once
    ? mkdtempSync(join(tmpdir(), 'daybook-'))
    : (process.env['DAYBOOK_DATA_DIR'] ?? join(ROOT, '.daybook'))
  const claim = claimDataDir(dataDir)
  if (claim === null) return pointToTheFirst(dataDir, flags, log)
  try {
    if (flags.fresh) claim.wipe()
    return await run({ dataDir, flags, log, claim })
  } catch (error) {
    if (error === TOLD_TO_END) return 130
    log.line(error instanceof DaybookError ? `✗ ${error.code}: ${error.message}` : `✗ ${String(error)}`)
    return 1
  } finally {
    claim.release()
    if (flags.once) rmSync(dataDir, { recursive: true, force: true })
  }
}

interface RunOptions {
  readonly dataDir: string
  readonly flags: Flags
  readonly log: StackLog
  readonly claim: Claim
}

async function run({ dataDir, flags, log, claim }: RunOptions): Promise<number> {
  const startedAt = Date.now()
  const end = toldToEnd({ parentPipe: flags.parentPipe })
  const settings = localSettings(process.env)
  const packing = installPackedSdk()
  const stack = await startStack({
    dataDir,
    log,
    ports: flags.once ? 'free' : 'fixed',
    external: endpointsFromEnvironment(process.env),
    clickhouseRole: 'serving',
    signal: end,
  })
  const closing: (() => Promise<void>)[] = [() => stack.stop()]
  try {
    const pipeline = await startPipeline({ stack, settings, dataDir, log })
    closing.push(() => pipeline.drain())
    await packing
    const shown = await showTheWay({ stack, pipeline, settings, dataDir, log, once: flags.once, signal: end })
    closing.push(() => shown.orders.stop())
    const state: StackState = {
      pid: process.pid,
      endpoints: stack.endpoints,
      ...settings,
      logDir: stack.logDir,
    }
    claim.publish(state)
    tell(state, log)
    for (const line of shown.lines) log.line(line)
    const seconds = (Date.now() - startedAt) / 1000
    if (flags.json) print({ ...shown.counts, ...jsonOf(state), seconds })
    if (flags.once) return shown.counts.lost + shown.counts.duplicated === 0 ? 0 : 1
    log.line('Ctrl-C ends everything; the data stays in .daybook/.')
    await untilEnd([...stack.components(), ...pipeline.workers, shown.orders], end)
    log.line('stopping: what is open is delivered first')
    return 0
  } finally {
    for (const close of closing.toReversed()) await close()
  }
}

/** Resolves when this process is told to end; rejects when a server ends by itself. */
function untilEnd(components: readonly Component[], end: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (end.aborted) resolve()
    end.addEventListener('abort', () => resolve(), { once: true })
    for (const each of components)
      each.onUnexpectedExit((status) =>
        reject(
          new DaybookError(
            'DAYBOOK_LOCAL_COMPONENT_FAILED',
            `${each.name} ended with status ${status}; see ${each.logFile}`,
          ),
        ),
      )
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

process.exitCode = await main()
