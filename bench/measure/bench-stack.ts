import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import type { PartitionRef } from '../../consumers/engine/contracts.ts'
import { describeTopics } from '../../consumers/kafka/topics/describe-topics.ts'
import { type StackLog, terminalLog } from '../../infra/local/log.ts'
import { type Stack, startStack } from '../../infra/local/stack.ts'
import { createTopics } from '../../operations/create-topics.ts'
import { registerSchema } from '../../operations/registry-admin.ts'
import { localSettings, workerEnvironment } from '../../operations/settings.ts'
import { AUDIT_EVENT_SCHEMA_TEXT } from '../../schemas/generated/audit-event.ts'
import { fillTopic } from './fill.ts'

const TOPIC = 'audit.events.standard'

/** Servers of a benchmark's own, with an event topic. */
export interface BenchStack {
  readonly stack: Stack
  readonly log: StackLog
  readonly dataDir: string
  readonly topic: string
  readonly schemaId: number
  /** The topic's partitions, in their order. */
  readonly partitions: readonly PartitionRef[]
  /** What the workers are configured with; nothing of the caller's environment but its paths. */
  readonly env: Readonly<Record<string, string | undefined>>
  fill(payloads: Iterable<Buffer>): Promise<number>
}

/** Runs `bench` over servers with a data directory of their own; both are gone afterwards. */
export async function withBenchStack<T>(bench: (stack: BenchStack) => Promise<T>): Promise<T> {
  const log = terminalLog(process.stderr)
  const dataDir = mkdtempSync(join(tmpdir(), 'daybook-bench-'))
  const abort = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort(signal))
  try {
    const stack = await startStack({ dataDir, log, ports: 'free', signal: abort.signal })
    try {
      const ended = new Promise<never>((_resolve, reject) => {
        abort.signal.addEventListener('abort', () => reject(new Error('told to end')))
      })
      return await Promise.race([bench(await prepare(stack, log, dataDir)), ended])
    } finally {
      await stack.stop()
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
}

async function prepare(stack: Stack, log: StackLog, dataDir: string): Promise<BenchStack> {
  const { endpoints } = stack
  const settings = { ...localSettings({}), topics: [TOPIC] }
  await createTopics({ kafka: endpoints.kafka, ...settings })
  const schemaId = await registerSchema({
    ...endpoints.registry,
    timeoutMs: 10_000,
    subject: `${TOPIC}-value`,
    schema: AUDIT_EVENT_SCHEMA_TEXT,
  })
  const { partitions } = await describeTopics({ brokers: endpoints.kafka.brokers }, [TOPIC])
  const kafka = new Kafka({ brokers: [...endpoints.kafka.brokers], logLevel: logLevel.NOTHING })
  const { PATH, HOME } = process.env
  return {
    ...{ stack, log, dataDir, topic: TOPIC, schemaId, partitions },
    env: workerEnvironment({ PATH, HOME, DAYBOOK_LOG_LEVEL: 'warn' }, endpoints, settings),
    fill: async (payloads) => {
      const step = log.step('the topic is filled')
      const count = await fillTopic({
        ...{ kafka, topic: TOPIC, partitions: partitions.length, schemaId, payloads },
      })
      step.done(`${count} events`)
      return count
    },
  }
}
