import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { workerComponent } from '../../../infra/local/components/worker.ts'
import { freePort } from '../../../infra/local/ports.ts'
import { hasFetched } from '../../../infra/local/worker-view.ts'
import { initArchiveOf } from '../../../operations/archive-init.ts'
import { createBucket } from '../../../operations/create-bucket.ts'
import { createTopics } from '../../../operations/create-topics.ts'
import { migrateHotStore, registerEventSchema } from '../../../operations/event-schema.ts'
import { workerEnvironment } from '../../../operations/settings.ts'
import { ensureSigningKey } from '../../../operations/signing-key.ts'
import { createAuditLog, kafka } from '../../../producers/sdk/src/index.ts'
import { METRICS, type MetricDefinition } from '../../../runtime/metric-list.ts'
import { testStack } from '../../support/stack.ts'

const EVENTS = 50
const stack = testStack()
const run = randomUUID().slice(0, 8)
const topic = `metrics${run}.standard`
const dataDir = mkdtempSync(join(tmpdir(), 'daybook-metrics-'))
const started: { stop(): Promise<void> }[] = []
const ports = new Map<string, number>()

/** Both workers over a topic of their own, which has taken in some events. */
beforeAll(async () => {
  const settings = { topics: [topic], quarantineTopic: `metrics${run}.quarantine`, bucket: `metrics-${run}` }
  const env = {
    ...workerEnvironment({ PATH: process.env['PATH'] }, stack, settings),
    DAYBOOK_SIGNING_KEY_FILE: ensureSigningKey(dataDir),
    DAYBOOK_CUT_AGE_MS: '200',
  }
  await Promise.all([
    createBucket(stack.s3, settings.bucket),
    createTopics({ kafka: stack.kafka, ...settings, partitions: 2 }),
    registerEventSchema(stack.registry, settings.topics),
    migrateHotStore(stack.clickhouse),
  ])
  await initArchiveOf(env, 'test')
  for (const kind of ['hot', 'cold'] as const) {
    const port = await freePort()
    ports.set(kind, port)
    const worker = workerComponent({ kind, env, port, dataDir, logFile: join(dataDir, `${kind}.log`) })
    started.push(worker)
    await worker.start()
  }
  await emit()
}, 120_000)

afterAll(async () => {
  await Promise.all(started.map((worker) => worker.stop()))
  rmSync(dataDir, { recursive: true, force: true })
})

async function emit(): Promise<void> {
  const audit = createAuditLog({
    service: { name: 'metrics' },
    tenant: 'acme',
    spool: 'memory',
    transport: kafka({ ...stack.kafka, registry: stack.registry, topicPrefix: `metrics${run}.` }),
  })
  for (let i = 0; i < EVENTS; i++)
    audit.emit('order.updated', {
      target: { type: 'order', id: String(i) },
      actor: { id: 'u', type: 'user' },
    })
  expect(await audit.flush({ timeoutMs: 20_000 })).toBe(true)
  await audit.close()
}

async function exposed(kind: string): Promise<string> {
  return (await fetch(`http://127.0.0.1:${ports.get(kind)}/metrics`)).text()
}

/** The sum over all labels; null where there is no series. */
function sumOf(text: string, name: string): number | null {
  const lines = text.split('\n').filter((line) => new RegExp(`^${name}(_count)?(\\{.*\\})? `).test(line))
  if (lines.length === 0) return null
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/** What cannot be zero after traffic. */
const MOVED: Readonly<Record<'hot' | 'cold', readonly string[]>> = {
  hot: [],
  cold: ['daybook_archive_objects_total', 'daybook_archive_bytes_total'],
}
const MOVED_BY_BOTH = [
  'daybook_build_info',
  'daybook_ready',
  'daybook_fetched_records_total',
  'daybook_fetched_bytes_total',
  'daybook_delivered_records_total',
  'daybook_delivered_bytes_total',
  'daybook_deliveries_total',
  'daybook_freshness_seconds',
  'daybook_position_offset',
  'daybook_high_watermark_offset',
  'daybook_progress_timestamp_seconds',
  'daybook_assigned_partitions',
  'daybook_rebalances_total',
  'daybook_process_resident_bytes',
]

describe.each(['hot', 'cold'] as const)('/metrics of the %s worker', (kind) => {
  it('has every metric of the list after some traffic, with values that are true', async () => {
    const port = ports.get(kind) ?? 0
    await expect.poll(() => hasFetched(port, EVENTS), { timeout: 30_000 }).toBe(true)
    await expect
      .poll(async () => sumOf(await exposed(kind), 'daybook_position_offset') ?? 0, {
        timeout: 30_000,
      })
      .toBeGreaterThanOrEqual(EVENTS)
    const text = await exposed(kind)
    const expected = Object.entries<MetricDefinition>(METRICS)
      .filter(([, { isRare, only }]) => isRare !== true && (only === undefined || only === kind))
      .map(([name]) => name)
    expect(expected.filter((name) => sumOf(text, name) === null)).toEqual([])
    for (const name of [...MOVED_BY_BOTH, ...MOVED[kind]]) expect(sumOf(text, name), name).toBeGreaterThan(0)
    expect(sumOf(text, 'daybook_open_records')).toBe(0)
    expect(sumOf(text, 'daybook_delivered_bytes_total')).toBe(sumOf(text, 'daybook_fetched_bytes_total'))
    expect(Math.abs(sumOf(text, 'daybook_clock_offset_milliseconds') ?? Number.NaN)).toBeLessThan(5_000)
    const unlisted = [...text.matchAll(/^# TYPE (\S+)/gm)].filter(([, name = '']) => !(name in METRICS))
    expect(unlisted).toEqual([])
  })
})
