import { join } from 'node:path'
import { initArchiveOf } from '../../operations/archive-init.ts'
import { createBucket } from '../../operations/create-bucket.ts'
import { createTopics } from '../../operations/create-topics.ts'
import { registerEventSchema } from '../../operations/event-schema.ts'
import { type LocalSettings, workerEnvironment } from '../../operations/settings.ts'
import { ensureSigningKey } from '../../operations/signing-key.ts'
import { orAborted } from '../../runtime/or-aborted.ts'
import type { Component } from './components/component.ts'
import { workerComponent } from './components/worker.ts'
import type { Keeper } from './keep-running.ts'
import type { StackLog } from './log.ts'
import { freePort } from './ports.ts'
import type { Stack } from './stack.ts'
import { hasFetched, stoppedPartitions, unreadiness } from './worker-view.ts'

/** Daybook's own processes over a stack. */
export interface Pipeline {
  /** The environment of the workers, which commands may use too. */
  readonly env: Readonly<Record<string, string | undefined>>
  readonly workers: Readonly<Record<'hot' | 'cold', PipelineWorker>>
  /** Delivers what is open and ends the workers. */
  drain(): Promise<void>
}

export interface PipelineWorker {
  readonly name: string
  /** Whether it has taken in so many records, or all there are. */
  hasFetched(records: number): Promise<boolean>
  /** The partitions of a topic that it has stopped, each with its code. */
  stopped(topic: string): Promise<readonly string[]>
  /** Why it is not ready; empty where it is. */
  unreadiness(): Promise<string>
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
    await orAborted(Promise.all([startKept(hot, keeper), startKept(cold, keeper)]), signal)
  } catch (error) {
    await drain()
    throw error
  }
  started.done(`health and metrics at http://127.0.0.1:${hotPort} and :${coldPort}`)
  return {
    env,
    workers: { hot: workerAt(hot, hotPort), cold: workerAt(cold, coldPort) },
    drain,
  }
}

/** One that answers may end while the other is still starting. */
async function startKept(worker: Component, keeper: Keeper): Promise<void> {
  await worker.start()
  keeper.keep(worker)
}

function workerAt({ name }: Component, port: number): PipelineWorker {
  return {
    name,
    hasFetched: (records) => hasFetched(port, records),
    stopped: (topic) => stoppedPartitions(port, topic),
    unreadiness: () => unreadiness(port),
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
