import { rawBatch, rawRecord } from '../../../support/raw-produce.ts'
import { WORKERS, type WorkerKind } from '../../faults/plan.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'
import { bothPass, events, goesOn } from '../seen.ts'

const BATCHES = 5
const BATCH_BYTES = 1_000_000
const MAX_TIMES = 3
const IDLE_MS = 4_000
const PATIENCE_MS = 60_000
/** Below this a difference is the workers' usual work on the traffic around. */
const NOISE_CPU_SECONDS = 0.3
const UNKNOWN_FROM = 1_500_000_000

interface Cost {
  readonly seconds: number
  /** Beyond what the workers take anyway. */
  readonly cpuSeconds: Readonly<Record<WorkerKind, number>>
}

const isCost = (cost: unknown): cost is Cost =>
  typeof cost === 'object' && cost !== null && 'cpuSeconds' in cost

/** An uncompressed batch of as many records as fit into `BATCH_BYTES`. */
function fullBatch(valueAt: (at: number) => Buffer | null): Buffer {
  const records: Buffer[] = []
  for (let bytes = 0; bytes < BATCH_BYTES; bytes += records.at(-1)?.length ?? 0)
    records.push(rawRecord({ delta: records.length, value: valueAt(records.length) }))
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
  for (const batch of batches) last = (await attack.sendBatch(batch)) + BigInt(batch.readInt32BE(23))
  await bothPass(attack, last, PATIENCE_MS)
  const [after, seconds] = [await cpu(attack), (Date.now() - from) / 1_000]
  const of = (kind: WorkerKind) => Math.max(0, after[kind] - before[kind] - idle[kind] * seconds)
  return { seconds, cpuSeconds: { hot: of('hot'), cold: of('cold') } }
}

/** Kinds of bad records; each gives the batches that are sent. */
function badKinds(attack: Attack): readonly (readonly [name: string, batches: () => Buffer[]])[] {
  const valid = attack.validEvent()
  const same = (valueAt: (at: number) => Buffer | null) => () => {
    const batch = fullBatch(valueAt)
    return Array.from({ length: BATCHES }, () => batch)
  }
  const underId = (id: number, value: Buffer) => {
    const changed = Buffer.from(value)
    changed.writeUInt32BE(id, 1)
    return changed
  }
  const header = valid.subarray(0, 5)
  return [
    ['cut off events', same(() => valid.subarray(0, -1))],
    ['events without a tenant', same(() => attack.validEvent({ tenant_id: '' }))],
    ['no wire format', same(() => Buffer.alloc(valid.length, 0x7b))],
    ['one unknown schema id', same(() => underId(UNKNOWN_FROM, valid))],
    ['unknown schema ids', same((at) => underId(UNKNOWN_FROM + 1 + at, valid))],
    ['short unknown schema ids', same((at) => underId(UNKNOWN_FROM + 100_000 + at, header))],
    ['short malformed bodies', same((at) => Buffer.concat([header, Buffer.of(at % 256)]))],
    ['empty values', same(() => Buffer.alloc(0))],
    ['tombstones', same(() => null)],
  ]
}

/** What bad records cost, beside good ones of as many bytes. */
export const RATE_CASES: readonly HostileCase[] = [
  {
    name: 'bad records of every kind cost at most three times what good ones of the same bytes cost',
    cells: ['producer/records/delay', 'producer/schema ids/delay'],
    inTest: false,
    run: async (attack) => {
      const goodBatches = () =>
        Array.from({ length: BATCHES }, () => {
          const sent = events(attack, Math.ceil(BATCH_BYTES / attack.validEvent().length))
          return fullBatch((at) => sent[at]?.value ?? attack.validEvent())
        })
      // The first round warms the workers up; what they take when idle is measured behind it.
      await costOf(attack, goodBatches(), { hot: 0, cold: 0 })
      const idle = await idleRate(attack)
      const good = await costOf(attack, goodBatches(), idle)
      const broken: string[] = []
      for (const [name, batches] of badKinds(attack)) {
        const bad = await costOf(attack, batches(), idle).catch((error: unknown) => error)
        if (!isCost(bad)) {
          // What comes now would wait behind it, and be judged by it.
          broken.push(`${name}: ${bad instanceof Error ? bad.message : String(bad)}`)
          break
        }
        if (bad.seconds > MAX_TIMES * good.seconds)
          broken.push(`${name} took ${bad.seconds.toFixed(1)} s, good ones ${good.seconds.toFixed(1)} s`)
        for (const kind of WORKERS) {
          const [worse, usual] = [bad.cpuSeconds[kind], good.cpuSeconds[kind]]
          if (worse > MAX_TIMES * usual + NOISE_CPU_SECONDS)
            broken.push(`${name} took ${worse.toFixed(2)} s of ${kind} CPU, good ones ${usual.toFixed(2)} s`)
        }
      }
      if (broken.length > 0) throw new Error(broken.join('; '))
      await goesOn(attack)
    },
  },
]
