import { rawBatch, rawRecord } from '../../../support/raw-produce.ts'
import { WORKERS, type WorkerKind } from '../../faults/plan.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'
import { bothPass, events, goesOn } from '../seen.ts'

const BATCHES = 5
const BATCH_BYTES = 1_000_000
const BATCH_RECORDS = 99_000
const MAX_TIMES = 3
/**
 * Each record is an object in memory, and a leaf of the archive's tree: two SHA-256 of a microsecond each, however small
 * it is. Where a dozen or more fit into an event's bytes that is more than three times an event's cost, and what holds
 * is that each costs at most this many times what an event of 114 bytes costs.
 */
const MAX_EVENTS_EACH = 2
const IDLE_MS = 4_000
const PATIENCE_MS = 60_000
/** Below this a difference is the workers' usual work on the traffic around. */
const NOISE_CPU_SECONDS = 0.3
const RECORD_COUNT_AT = 57
const UNKNOWN_FROM = 1_500_000_000

interface Cost {
  readonly records: number
  readonly seconds: number
  /** Beyond what the workers take anyway. */
  readonly cpuSeconds: Readonly<Record<WorkerKind, number>>
}

const isCost = (cost: unknown): cost is Cost =>
  typeof cost === 'object' && cost !== null && 'cpuSeconds' in cost

/** An uncompressed batch of as many records as fit into `BATCH_BYTES`, and as are taken apart. */
function fullBatch(valueAt: (at: number) => Buffer | null): Buffer {
  const records: Buffer[] = []
  for (let bytes = 0; bytes < BATCH_BYTES && records.length < BATCH_RECORDS; ) {
    const record = rawRecord({ delta: records.length, value: valueAt(records.length) })
    records.push(record)
    bytes += record.length
  }
  return rawBatch({ body: Buffer.concat(records), count: records.length })
}

async function cpu(attack: Attack): Promise<Record<WorkerKind, number>> {
  const of = (kind: WorkerKind) => attack.metric(kind, 'daybook_process_cpu_seconds_total')
  const [hot, cold] = await Promise.all([of('hot'), of('cold')])
  return { hot, cold }
}

/** CPU seconds that each worker takes in a second of the usual traffic. */
async function idleRate(attack: Attack): Promise<Record<WorkerKind, number>> {
  const [before, from] = [await cpu(attack), Date.now()]
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  const [after, seconds] = [await cpu(attack), (Date.now() - from) / 1_000]
  return { hot: (after.hot - before.hot) / seconds, cold: (after.cold - before.cold) / seconds }
}

/** What it costs from the first batch sent until both workers are beyond the last. */
async function costOf(attack: Attack, batches: readonly Buffer[], idle: Cost['cpuSeconds']): Promise<Cost> {
  const [before, from] = [await cpu(attack), Date.now()]
  let last = 0n
  let records = 0
  for (const batch of batches) records += batch.readInt32BE(RECORD_COUNT_AT)
  for (const batch of batches) last = (await attack.sendBatch(batch)) + BigInt(batch.readInt32BE(23))
  await bothPass(attack, last, PATIENCE_MS)
  const [after, seconds] = [await cpu(attack), (Date.now() - from) / 1_000]
  const of = (kind: WorkerKind) => Math.max(0, after[kind] - before[kind] - idle[kind] * seconds)
  return { records, seconds, cpuSeconds: { hot: of('hot'), cold: of('cold') } }
}

interface BadKind {
  readonly name: string
  /** What is sent. */
  readonly batches: () => Buffer[]
}

/** Kinds of bad records as large as events. */
function badKinds(attack: Attack): readonly BadKind[] {
  const valid = attack.validEvent()
  return [
    { name: 'cut off events', batches: filledWith(() => valid.subarray(0, -1)) },
    { name: 'events without a tenant', batches: filledWith(() => attack.validEvent({ tenant_id: '' })) },
    { name: 'no wire format', batches: filledWith(() => Buffer.alloc(valid.length, 0x7b)) },
    { name: 'one unknown schema id', batches: filledWith(() => underId(UNKNOWN_FROM, valid)) },
    { name: 'unknown schema ids', batches: filledWith((at) => underId(UNKNOWN_FROM + 1 + at, valid)) },
  ]
}

/** Of a few bytes each: eight to thirteen of them are as large on the wire as one event. */
function tinyKinds(attack: Attack): readonly BadKind[] {
  const header = attack.validEvent().subarray(0, 5)
  return [
    {
      name: 'short unknown schema ids',
      batches: filledWith((at) => underId(UNKNOWN_FROM + 100_000 + at, header)),
    },
    {
      name: 'short malformed bodies',
      batches: filledWith((at) => Buffer.concat([header, Buffer.of(at % 256)])),
    },
    { name: 'empty values', batches: filledWith(() => Buffer.alloc(0)) },
    { name: 'tombstones', batches: filledWith(() => null) },
  ]
}

function filledWith(valueAt: (at: number) => Buffer | null): () => Buffer[] {
  return () => {
    const batch = fullBatch(valueAt)
    return Array.from({ length: BATCHES }, () => batch)
  }
}

function underId(id: number, value: Buffer): Buffer {
  const changed = Buffer.from(value)
  changed.writeUInt32BE(id, 1)
  return changed
}

/** Good events in as many bytes, after a round that warms the workers up and a look at what they take when idle. */
async function costOfGood(attack: Attack): Promise<{ good: Cost; idle: Cost['cpuSeconds'] }> {
  const batches = () =>
    Array.from({ length: BATCHES }, () => {
      const sent = events(attack, Math.ceil(BATCH_BYTES / attack.validEvent().length))
      return fullBatch((at) => sent[at]?.value ?? attack.validEvent())
    })
  await costOf(attack, batches(), { hot: 0, cold: 0 })
  const idle = await idleRate(attack)
  return { good: await costOf(attack, batches(), idle), idle }
}

/** `timesOf`: how many times what the good ones cost the bad ones may cost. */
async function compare(
  attack: Attack,
  kinds: readonly BadKind[],
  timesOf: (bad: Cost, good: Cost) => number,
): Promise<void> {
  const { good, idle } = await costOfGood(attack)
  attack.note(costText('events', good, good))
  const broken: string[] = []
  for (const { name, batches } of kinds) {
    const bad = await costOf(attack, batches(), idle).catch((error: unknown) => error)
    if (!isCost(bad)) {
      // What comes now would wait behind it, and be judged by it.
      broken.push(`${name}: ${bad instanceof Error ? bad.message : String(bad)}`)
      break
    }
    attack.note(costText(name, bad, good))
    const times = timesOf(bad, good)
    const isOver = (worse: number, usual: number, noise: number) => worse > times * usual + noise
    if (isOver(bad.seconds, good.seconds, 0)) broken.push(`time of ${costText(name, bad, good)}`)
    for (const kind of WORKERS)
      if (isOver(bad.cpuSeconds[kind], good.cpuSeconds[kind], NOISE_CPU_SECONDS))
        broken.push(`${kind} CPU of ${costText(name, bad, good)}`)
  }
  if (broken.length > 0) throw new Error(broken.join('; '))
  await goesOn(attack)
}

/** In brackets: times what events of the same bytes take. */
function costText(name: string, cost: Cost, good: Cost): string {
  const part = (value: number, usual: number) => `${value.toFixed(2)} s (${(value / usual).toFixed(1)})`
  return (
    `${cost.records} ${name}: ${part(cost.seconds, good.seconds)}, ` +
    WORKERS.map((kind) => `${kind} CPU ${part(cost.cpuSeconds[kind], good.cpuSeconds[kind])}`).join(', ')
  )
}

/** What bad records cost, beside good ones of as many bytes. */
export const RATE_CASES: readonly HostileCase[] = [
  {
    name: 'bad records as large as events cost at most three times what good ones of the same bytes cost',
    cells: ['producer/records/delay', 'producer/schema ids/delay'],
    inTest: false,
    run: (attack) => compare(attack, badKinds(attack), () => MAX_TIMES),
  },
  {
    name: 'records of a few bytes each cost at most twice what an event costs',
    cells: ['producer/records/delay', 'producer/schema ids/delay'],
    inTest: false,
    run: (attack) =>
      compare(attack, tinyKinds(attack), (bad, good) => (MAX_EVENTS_EACH * bad.records) / good.records),
  },
]
