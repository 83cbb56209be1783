/** A cold worker's engine and sink under a flood that a source made by hand feeds it; prints its peak of memory. */
import { randomFillSync } from 'node:crypto'
import { initArchive } from '../../../consumers/cold/init.ts'
import { COLD_LIMITS } from '../../../consumers/cold/limits.ts'
import { isLaterMinute } from '../../../consumers/cold/minute.ts'
import { createColdSink } from '../../../consumers/cold/sink.ts'
import type {
  CommitMark,
  LogBounds,
  PartitionFacts,
  PartitionRef,
  Source,
  SourceListener,
} from '../../../consumers/engine/contracts.ts'
import { partitionKey } from '../../../consumers/engine/contracts.ts'
import { createEngine } from '../../../consumers/engine/engine.ts'
import { noObserver } from '../../../consumers/engine/observer.ts'
import { SourceRecord } from '../../../consumers/engine/source-record.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { noFailpoints } from '../../../runtime/failpoints.ts'
import { testBucket } from './bucket.ts'
import { checked, eventRecords, FIRST_MINUTE, testPartition } from './ranges.ts'
import { coldContext, coldOptions } from './sink.ts'

const MIB = 1024 * 1024
const PARTITIONS = 4
/** To what a record batch may unpack. */
const BATCH_BYTES = 32 * MIB

interface Flood {
  readonly recordBytes: number
  readonly isRandom: boolean
  readonly isEvent: boolean
}

const FLOODS = {
  'packed-batches': { recordBytes: BATCH_BYTES, isRandom: true, isEvent: false },
  'empty-batches': { recordBytes: BATCH_BYTES, isRandom: false, isEvent: false },
  'large-events': { recordBytes: MIB, isRandom: true, isEvent: true },
} as const satisfies Readonly<Record<string, Flood>>

export type FloodName = keyof typeof FLOODS

/** What the child prints as its last line. */
export interface FloodReport {
  readonly peakBytes: number
  /** Records that were delivered. */
  readonly committed: number
}

const [, , name, count] = process.argv
const flood: Flood = Object.entries(FLOODS).find(([known]) => known === name)?.[1] ?? FLOODS['packed-batches']

/** One batch of records, as a decoder would hand it over: views of one buffer. */
function batchOf(first: bigint): SourceRecord[] {
  const { recordBytes, isRandom, isEvent } = flood
  const [event] = eventRecords({ first: 0n, count: 1 })
  const body = Buffer.allocUnsafeSlow(BATCH_BYTES)
  if (isRandom) randomFillSync(body)
  else body.fill(1)
  return Array.from({ length: BATCH_BYTES / recordBytes }, (_, i) => {
    const start = i * recordBytes
    // Bytes behind the event's own fields do not matter here: the test's checker looks at the schema id alone.
    if (isEvent) event?.value?.copy(body, start)
    else body[start] = 1
    return new SourceRecord(first + BigInt(i), FIRST_MINUTE, body, -1, -1, start, start + recordBytes)
  })
}

/** Hands over one batch at a time, of each partition in turn. */
class FloodSource implements Source {
  readonly committed = new Map<string, bigint>()
  readonly #partitions: readonly PartitionRef[]
  readonly #paused = new Set<string>()
  #reading = 0
  #onRead: (count: number) => unknown = () => undefined

  constructor(partitions: readonly PartitionRef[]) {
    this.#partitions = partitions
  }

  async start(listener: SourceListener): Promise<void> {
    const { signal } = new AbortController()
    const log = { logStart: 0n, logEnd: 1_000_000_000n, readableEnd: 1_000_000_000n, committed: null }
    const reading = Promise.withResolvers<void>()
    this.#onRead = (count) => count === PARTITIONS && reading.resolve()
    listener.assigned(
      1,
      this.#partitions.map((partition) => ({ partition, facts: { ok: true, ...log } })),
      signal,
    )
    await reading.promise
    const next = new Map<PartitionRef, bigint>()
    for (let i = 0; i < Number(count); i++) {
      const partition = this.#partitions[i % PARTITIONS]
      if (partition === undefined) continue
      while (this.#paused.has(partitionKey(partition))) await systemClock.sleep(5)
      const first = next.get(partition) ?? 0n
      const records = batchOf(first)
      const end = first + BigInt(records.length)
      const batch = { partition, generation: 1, records, gaps: [], first, last: end - 1n }
      await listener.batch({ ...batch, highWatermark: end })
      next.set(partition, end)
    }
  }

  async commit(
    _: number,
    marks: ReadonlyMap<PartitionRef, CommitMark>,
  ): Promise<ReadonlyMap<PartitionRef, unknown>> {
    for (const [partition, { position }] of marks) this.committed.set(partitionKey(partition), position)
    return new Map()
  }

  read(): void {
    this.#reading += 1
    this.#onRead(this.#reading)
  }

  release(): void {}

  async facts(): Promise<ReadonlyMap<string, PartitionFacts>> {
    return new Map()
  }

  async bounds(): Promise<ReadonlyMap<string, LogBounds>> {
    return new Map()
  }

  pause(partitions: readonly PartitionRef[]): void {
    for (const partition of partitions) this.#paused.add(partitionKey(partition))
  }

  resume(partitions: readonly PartitionRef[]): void {
    for (const partition of partitions) this.#paused.delete(partitionKey(partition))
  }

  async quiesce(): Promise<void> {}
  async stop(): Promise<void> {}
}

async function run(): Promise<FloodReport> {
  const context = coldContext((await testBucket('flood')).store)
  const topic = testPartition()
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({ ...topic, partition }))
  for (const partition of partitions) await initArchive(context, { partition, reason: 'test' })
  const source = new FloodSource(partitions)
  const sink = createColdSink(coldOptions(context))
  const engine = createEngine({
    source,
    sink,
    checker: { prepare: async () => {}, check: (record) => checked(record).verdict },
    cut: { maxRows: 10_000, maxBytes: BATCH_BYTES, maxAgeMs: 60_000, boundary: isLaterMinute },
    limits: COLD_LIMITS,
    clock: systemClock,
    failpoints: noFailpoints,
    observer: noObserver,
    random: Math.random,
  })
  await engine.start()
  await engine.stop({ timeoutMs: 120_000 })
  await sink.close()
  const committed = [...source.committed.values()].reduce((sum, position) => sum + position, 0n)
  return { peakBytes: process.resourceUsage().maxRSS * 1024, committed: Number(committed) }
}

process.stdout.write(`${JSON.stringify(await run())}\n`)
process.exit(0)
