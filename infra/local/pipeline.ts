import { join } from 'node:path'
import { initArchiveOf } from '../../operations/archive-init.ts'
import { createBucket } from '../../operations/create-bucket.ts'
import { createTopics } from '../../operations/create-topics.ts'
import { registerEventSchema } from '../../operations/event-schema.ts'
import { type LocalSettings, workerEnvironment } from '../../operations/settings.ts'
import { ensureSigningKey } from '../../operations/signing-key.ts'
import { orAborted } from '../../runtime/or-aborted.ts'
import { waitUntil } from '../../runtime/wait-until.ts'
import type { Component } from './components/component.ts'
import { hasFetched, workerComponent } from './components/worker.ts'
import type { Keeper } from './keep-running.ts'
import type { StackLog } from './log.ts'
import { freePort } from './ports.ts'
import type { Stack } from './stack.ts'

/** Daybook's own processes over a stack. */
export interface Pipeline {
  /** The environment of the workers, which commands may use too. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly workers: readonly Component[]
  /** Resolves when both workers have taken in so many records. */
  fetched(records: number, signal: AbortSignal): Promise<void>
  /** Delivers what is open and ends the workers. */
  drain(): Promise<void>
}

export interface PipelineOptions {
  readonly stack: Stack
  readonly settings: LocalSettings
  readonly dataDir: string
  readonly log: StackLog
  /** Starts workers again that end by themselves. */
  readonly keeper: Keeper
  /** Breaks the start off; what runs of it is ended first. */
  readonly signal: AbortSignal
}

/** How often the local start closes archive files; production closes them each minute. */
export const LOCAL_CUT_MS = 10_000
const POLL_MS = 100

/** Prepares topics, bucket, keys, schema and archive, then starts both workers. Resolves when they do their work. */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { stack, settings, dataDir, log, keeper, signal } = options
  const signingKeyFile = process.env['DAYBOOK_SIGNING_KEY_FILE'] ?? ensureSigningKey(dataDir)
  const env = {
    ...workerEnvironment(process.env, stack.endpoints, settings),
    DAYBOOK_SIGNING_KEY_FILE: signingKeyFile,
  }
  const prepared = log.step('topics, bucket, schema, archive')
  await orAborted(prepareServers(stack, settings, env), signal)
  prepared.done(`${settings.topics.join(', ')}; bucket ${settings.bucket}`)

  const started = log.step('hot and cold worker start')
  const [hotPort, coldPort] = [await freePort(), await freePort()]
  const place = { dataDir, env: { DAYBOOK_CUT_AGE_MS: undefined, ...env } }
  const hot = workerComponent({
    ...place,
    kind: 'hot',
    port: hotPort,
    logFile: join(stack.logDir, 'hot.log'),
  })
  const cold = workerComponent({
    ...{ kind: 'cold', port: coldPort, dataDir, logFile: join(stack.logDir, 'cold.log') },
    env: { DAYBOOK_CUT_AGE_MS: String(LOCAL_CUT_MS), ...env },
  })
  const drain = async () => {
    keeper.release(hot, cold)
    await Promise.all([hot.stop(), cold.stop()])
  }
  try {
    await orAborted(Promise.all([hot.start(), cold.start()]), signal)
  } catch (error) {
    await drain()
    throw error
  }
  keeper.keep(hot)
  keeper.keep(cold)
  started.done(`health and metrics at http://127.0.0.1:${hotPort} and :${coldPort}`)
  return {
    env,
    workers: [hot, cold],
    fetched: async (records, ended) => {
      for (const port of [hotPort, coldPort])
        await waitUntil(() => hasFetched(port, records), Boolean, { pauseMs: POLL_MS, signal: ended })
    },
    drain,
  }
}

async function prepareServers(
  { endpoints }: Stack,
  settings: LocalSettings,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  await Promise.all([
    createBucket(endpoints.s3, settings.bucket),
    createTopics({ kafka: endpoints.kafka, ...settings }),
    registerEventSchema(endpoints.registry, settings.topics),
  ])
  await initArchiveOf(env, 'local start')
}
