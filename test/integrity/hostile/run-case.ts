import { AUDIT_EVENT_SCHEMA_TEXT } from '../../../schemas/generated/audit-event.ts'
import { runCli } from '../../support/cli/run.ts'
import { produceRaw } from '../../support/raw-produce.ts'
import { WORKERS, type WorkerKind } from '../faults/plan.ts'
import { ask } from '../faults/verify/read-clickhouse.ts'
import type { Arena } from './arena.ts'
import { arrivedOrMissing } from './arrival.ts'
import { percentile } from './delay-watch.ts'
import type { GoodEvent } from './good-traffic.ts'
import type { Attack, CaseResult, HostileCase } from './hostile-case.ts'

const UNTIL_MS = 30_000
const POLL_MS = 100
/** Traffic that goes on after the attack, so that its after-effects are seen. */
const AFTER_MS = 1_500
const MAX_RSS_MB = 400
const MAX_DELAY_MS = 1_000
/** Below so many bytes growth is not compared: fixed costs would decide. */
const COMPARED_FROM_BYTES = 64 * 1024

/** Plays a case among good traffic, and sees what became of everything. Never rejects. */
export async function runCase(arena: Arena, hostile: HostileCase): Promise<CaseResult> {
  const startedAt = Date.now()
  const target = arena.partitions()[0]
  if (target === undefined) throw new Error('the arena has no partitions')
  const faults: string[] = []
  const received = { bytes: 0 }
  const figures: string[] = []
  const quarantineBefore = arena.quarantineBytes()
  for (const kind of WORKERS) arena.workers[kind].takePeakMb()
  const stopped = watchOthers(arena, hostile)
  try {
    await hostile.run(attackOf(arena, target, received, (figure) => figures.push(figure)))
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error))
  }
  await new Promise((resolve) => setTimeout(resolve, AFTER_MS))
  const during = arena.traffic.events.filter(({ ackedAt }) => ackedAt >= startedAt)
  const missing = await arrivedOrMissing(arena.watch, during)
  const others = await stopped.end()
  const neighbours = during.filter(({ partition }) => !mayStop(hostile, target, partition))
  const p99 = percentile(arena.watch.delays(neighbours), 0.99)
  const ofStore = (store: WorkerKind) => percentile(arena.watch.delays(neighbours, store), 0.99) ?? 0
  const result: CaseResult = {
    ...{ name: hostile.name, cells: hostile.cells, seconds: (Date.now() - startedAt) / 1_000 },
    lost: missing.lost,
    hidden: await hiddenOf(arena, during),
    stoppedOthers: others.length,
    neighbourDelayMsP99: p99 === null ? null : Math.max(0, Math.round(p99 - arena.calmP99)),
    isOfGroup: hostile.mayDelayMs !== undefined,
    peakRssMb: { hot: arena.workers.hot.takePeakMb(), cold: arena.workers.cold.takePeakMb() },
    receivedBytes: received.bytes,
    quarantineBytes: arena.quarantineBytes() - quarantineBefore,
    figures,
    faults: [...faults, ...others, ...missing.faults],
  }
  return {
    ...result,
    faults: [...result.faults, ...boundsBroken(result, hostile.mayDelayMs ?? MAX_DELAY_MS, ofStore)],
  }
}

function boundsBroken(
  result: CaseResult,
  maxDelayMs: number,
  delayOf: (store: WorkerKind) => number,
): string[] {
  const broken: string[] = []
  if (result.lost > 0) broken.push(`${result.lost} good events are not in both stores`)
  if (result.hidden > 0) broken.push(`${result.hidden} good events do not show once`)
  const { neighbourDelayMsP99: delay, peakRssMb, receivedBytes, quarantineBytes } = result
  if (delay !== null && delay > maxDelayMs)
    broken.push(
      `neighbours came ${delay} ms later (hot ${delayOf('hot')}, cold ${delayOf('cold')} after they were sent)`,
    )
  for (const kind of WORKERS)
    if (peakRssMb[kind] > MAX_RSS_MB) broken.push(`the ${kind} worker took ${peakRssMb[kind]} MB`)
  if (quarantineBytes > COMPARED_FROM_BYTES && quarantineBytes > 2 * receivedBytes)
    broken.push(`the quarantine grew by ${quarantineBytes} bytes for ${receivedBytes} received`)
  return broken
}

const mayStop = (
  hostile: HostileCase,
  target: GoodEvent['partition'],
  ref: GoodEvent['partition'],
): boolean =>
  ref.topic === target.topic &&
  (hostile.mayStop?.includes(ref.partition) ?? ref.partition === target.partition)

function attackOf(
  arena: Arena,
  target: Attack['target'],
  received: { bytes: number },
  note: Attack['note'],
): Attack {
  const { world, ground, admin, validEvent } = arena
  const [broker = ''] = world.stack.endpoints.kafka.brokers
  const sendBatch = async (batch: Buffer, partition = target.partition): Promise<bigint> => {
    received.bytes += batch.length
    const { errorCode, baseOffset } = await produceRaw({ broker, topic: target.topic, partition, batch })
    if (errorCode !== 0) throw new Error(`the broker refused the batch (error ${errorCode}): no case`)
    return baseOffset
  }
  return {
    ...{ world, ground, kafka: world.kafka, admin, target, validEvent, sendBatch },
    schemaId: ground.schemaId,
    schemaText: AUDIT_EVENT_SCHEMA_TEXT,
    sendValues: async (values, partition = target.partition) => {
      const producer = world.kafka.producer({ allowAutoTopicCreation: false })
      await producer.connect()
      await producer.send({ topic: target.topic, messages: values.map((value) => ({ partition, value })) })
      await producer.disconnect()
      received.bytes += values.reduce((sum, value) => sum + (value?.length ?? 0) + 12, 70)
    },
    note,
    received: (bytes) => {
      received.bytes += bytes
    },
    quiet: async (partitions) => {
      for (const partition of partitions) arena.quiet.add(`${target.topic}/${partition}`)
      await arena.traffic.settled()
      const { topic, topicId } = target
      const sent = arena.traffic.events.filter(
        ({ partition: ref }) =>
          ref.topic === topic && ref.topicId === topicId && partitions.includes(ref.partition),
      )
      const { lost, faults } = await arrivedOrMissing(arena.watch, sent)
      if (lost > 0) throw new Error(`no case, good events do not even arrive before: ${faults.join('; ')}`)
    },
    resume: async () => {
      await arena.refreshPartitions()
      arena.quiet.clear()
    },
    until,
    readyz: (kind) => arena.workers[kind].get('/readyz'),
    healthz: (kind) => arena.workers[kind].get('/healthz'),
    metric: async (kind, name, labels = {}) =>
      metricIn((await arena.workers[kind].get('/metrics')).text, name, labels),
    metricLines: async (kind, pattern) => {
      const lines = (await arena.workers[kind].get('/metrics')).text.split('\n')
      return lines.filter((line) => pattern.test(line)).join('; ')
    },
    sql: (query) => ask({ url: world.stack.endpoints.clickhouse.url }, query),
    daybook: async (...args) => {
      const env = { ...ground.env('hot'), ...ground.env('cold') }
      const { code, stdout, stderr } = await runCli(args, { ...env, DAYBOOK_DATA_DIR: world.directory })
      return { code: code ?? -1, stdout, stderr }
    },
  }
}

async function until(
  what: string,
  isTrue: () => Promise<boolean> | boolean,
  timeoutMs = UNTIL_MS,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`within ${timeoutMs} ms it never came that ${what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

function metricIn(text: string, name: string, labels: Readonly<Record<string, string>>): number {
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .filter((line) => wanted.every((part) => line.includes(part)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

/** Watches whether a worker ends, turns dead, or stops a partition that has nothing to do with the attack. */
function watchOthers(arena: Arena, hostile: HostileCase) {
  const seen = new Set<string>()
  const target = arena.partitions()[0]
  const watching = new AbortController()
  const look = async (kind: WorkerKind): Promise<void> => {
    const worker = arena.workers[kind]
    if (!worker.process.running()) {
      if (hostile.mayEnd === undefined) seen.add(`the ${kind} worker ended: ${worker.process.lastWords()}`)
      return
    }
    const { status, text } = await worker.get('/healthz')
    if (status !== 200 && worker.process.running())
      seen.add(`the ${kind} worker is not alive: ${status} ${text}`)
    for (const line of (await worker.get('/metrics')).text.split('\n')) {
      const stop = /^daybook_partition_stopped\{(.*)\} 1$/.exec(line)?.[1]
      const [, topic = '', partition = ''] = /topic="([^"]*)".*partition="(\d+)"/.exec(stop ?? '') ?? []
      if (stop === undefined || target === undefined) continue
      if (!mayStop(hostile, target, { topic, topicId: '', partition: Number(partition) }))
        seen.add(`the ${kind} worker stopped ${stop}`)
    }
  }
  const loop = (async () => {
    while (!watching.signal.aborted) {
      await Promise.all(WORKERS.map(look))
      await new Promise((resolve) => setTimeout(resolve, POLL_MS * 5))
    }
  })()
  return {
    end: async () => {
      watching.abort()
      await loop
      return [...seen]
    },
  }
}

/** Good events that the view shows not once. */
async function hiddenOf(arena: Arena, events: readonly GoodEvent[]): Promise<number> {
  const url = arena.world.stack.endpoints.clickhouse.url
  let shown = 0
  for (let at = 0; at < events.length; at += 1_000) {
    const ids = events.slice(at, at + 1_000).map(({ id }) => `'${id}'`)
    const [row] = await ask<{ n: string }>(
      { url },
      `SELECT countIf(n = 1) AS n FROM (SELECT event_id, count() AS n FROM daybook.audit WHERE event_id IN (${ids.join(',')}) GROUP BY event_id)`,
    )
    shown += Number(row?.n ?? 0)
  }
  return events.length - shown
}
