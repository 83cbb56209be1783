import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { PartitionRef, Quarantined } from '../../../consumers/engine/contracts.ts'
import { type OpenCluster, openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { readTopic, type TopicRecord } from '../../../consumers/kafka/fetch/topic-reader.ts'
import type { BadRun, QuarantineEntry } from '../../../consumers/kafka/quarantine/quarantine-entry.ts'
import {
  createQuarantineWriter,
  type QuarantineOptions,
  type Written,
} from '../../../consumers/kafka/quarantine/quarantine-writer.ts'
import { listQuarantine, QuarantineTally } from '../../../operations/quarantine-list.ts'
import { badValue, FakeChecker, goodValue } from '../../support/fakes/fake-checker.ts'
import { alterTopic } from '../../support/kafka/topic-admin.ts'
import { logBytes, logsOf, quarantinedOf, takenIn } from '../../support/kafka/topic-bytes.ts'
import { batchOfRecords, produceRaw, type RawCodec, type RawRecord } from '../../support/raw-produce.ts'
import { openBroker, type TestBroker } from './broker.ts'

let broker: TestBroker
let cluster: OpenCluster
beforeAll(async () => {
  broker = await openBroker()
  cluster = await openCluster(broker.kafka)
})
afterAll(async () => {
  await cluster.close()
  await broker.close()
})

const checker = new FakeChecker()
const bad = (text = ''): RawRecord => ({ value: badValue(7, text) })
const good = (text = ''): RawRecord => ({ value: goodValue(7, text) })

interface Taken {
  readonly partition: PartitionRef
  readonly items: readonly Quarantined[]
  readonly wireBytes: number
  readonly log: Buffer
}

/** Produces the batches to a topic of their own, and takes them in as a hot worker does. */
async function taken(batches: readonly Buffer[], maxBatchBytes?: number): Promise<Taken> {
  const topic = await broker.createTopic({ config: { 'max.message.bytes': '16000000' } })
  // A new topic's leader may not know yet that it is one.
  const [before] = await vi.waitFor(() => logsOf(cluster.view, topic), { timeout: 20_000 })
  if (before === undefined) throw new Error('no partition')
  const [first = ''] = broker.brokers
  for (const batch of batches) {
    expect(await produceRaw({ broker: first, topic, partition: before.ref.partition, batch })).toMatchObject({
      errorCode: 0,
    })
  }
  const [{ ref, log } = before] = await logsOf(cluster.view, topic)
  const items = quarantinedOf(takenIn(ref, log, checker, maxBatchBytes))
  return { partition: ref, items, wireBytes: log.length, log }
}

async function list(topic: string) {
  const tally = new QuarantineTally()
  const entries: QuarantineEntry[] = []
  for await (const entry of listQuarantine({ brokers: broker.brokers, topic, tally })) entries.push(entry)
  return { tally, entries: entries.toSorted((a, b) => Number(a.first - b.first)) }
}

const runsOf = (entry: QuarantineEntry | undefined): BadRun[] => [...(entry?.bad.runs?.() ?? [])]

async function readAll(topic: string): Promise<TopicRecord[]> {
  const all: TopicRecord[] = []
  for await (const one of readTopic(cluster.view, topic)) all.push(one)
  return all
}

/** The same batch in another object. */
function anew(item: Quarantined): Quarantined {
  if (item.kind !== 'batch') return item
  const { bytes, bad } = item.batch
  return { kind: 'batch', batch: { ...item.batch, bytes: Buffer.from(bytes), bad: [...bad] } }
}

/** Puts all of it into a quarantine of its own. */
async function quarantined(
  { partition, items }: Pick<Taken, 'partition' | 'items'>,
  o: Partial<QuarantineOptions> & { readonly config?: Readonly<Record<string, string>> } = {},
) {
  const topic = await broker.createTopic({ config: { 'max.message.bytes': '4194304', ...o.config } })
  const written: Written[] = []
  const alarms: number[] = []
  const writer = createQuarantineWriter({
    ...{ brokers: broker.brokers, topic },
    observer: { written: (_, one) => written.push(one), overBudget: (_, bytes) => alarms.push(bytes) },
    ...o,
  })
  await writer.put(partition, items)
  return { topic, written, alarms, writer }
}

describe('a batch with bad records', { timeout: 60_000 }, () => {
  it('goes to quarantine once, byte for byte as it came, with the list of its bad records', async () => {
    const it = await taken([
      batchOfRecords([good(), bad('a'), bad('b'), good(), { value: Buffer.alloc(0) }], 'zstd'),
      batchOfRecords([good()]),
      batchOfRecords([bad('c')]),
    ])
    const { topic, writer } = await quarantined(it)
    await writer.close()
    const { entries, tally } = await list(topic)
    expect(tally).toMatchObject({ scanned: 1, foreign: 0, malformed: 0 })
    expect(entries.map(({ first, last, bad }) => [first, last, bad.count])).toEqual([
      [0n, 4n, 3],
      [6n, 6n, 1],
    ])
    expect(Buffer.concat(entries.map(({ bytes }) => bytes ?? Buffer.alloc(0)))).toEqual(
      Buffer.concat(it.items.flatMap((item) => (item.kind === 'batch' ? [item.batch.bytes] : []))),
    )
    const malformed = { code: 'MALFORMED', reason: 'the payload says so', schemaId: 7 }
    expect(runsOf(entries[0])).toEqual([
      { first: 1n, last: 2n, ...malformed },
      { first: 4n, last: 4n, code: 'NOT_WIRE_FORMAT', reason: 'no magic byte', schemaId: null },
    ])
    expect(runsOf(entries[1])).toEqual([{ first: 6n, last: 6n, ...malformed }])
    const [message] = await readAll(topic)
    expect(message?.record.key?.toString()).toBe(`${it.partition.topic}:0:0`)
  })

  it('is written once, however often it is put, and again by a worker that knows nothing of it', async () => {
    const it = await taken([batchOfRecords([bad(), good(), bad()])])
    const { topic, writer } = await quarantined(it)
    await writer.put(it.partition, it.items)
    // As a partition brings it that is read again.
    await writer.put(it.partition, it.items.map(anew))
    await writer.close()
    expect(await readAll(topic)).toHaveLength(1)
    const another = createQuarantineWriter({ brokers: broker.brokers, topic })
    await another.put(it.partition, it.items)
    await another.close()
    const { entries, tally } = await list(topic)
    expect([entries.length, tally.scanned]).toEqual([1, 2])
  })

  it('that could not be taken apart has all of its offsets quarantined', async () => {
    const it = await taken(
      [batchOfRecords([good()]), batchOfRecords(Array(50).fill(good('x'.repeat(9_000))), 'gzip')],
      100_000,
    )
    const { topic, writer } = await quarantined(it)
    await writer.close()
    const { entries } = await list(topic)
    expect(entries).toMatchObject([{ first: 1n, last: 50n, isWhole: true, bad: { count: 50 } }])
    expect(runsOf(entries[0])).toMatchObject([{ first: 1n, last: 50n, code: 'OVERSIZED' }])
  })
})

describe('what the quarantine does not keep whole', { timeout: 60_000 }, () => {
  async function reference(it: Taken, topic: string) {
    const { entries } = await list(topic)
    const sha256 = createHash('sha256').update(it.log).digest('hex')
    expect(entries).toMatchObject([
      { first: 0n, sizeBytes: it.log.length, reference: { sha256 }, bytes: it.log.subarray(0, 1_024) },
    ])
    return entries[0]
  }

  it('a batch beyond what the topic takes', async () => {
    const it = await taken([batchOfRecords([bad('x'.repeat(30_000)), good(), bad()])])
    const { topic, writer, written } = await quarantined(it, { config: { 'max.message.bytes': '20000' } })
    await writer.close()
    expect(runsOf(await reference(it, topic)).map(({ first }) => first)).toEqual([0n, 2n])
    expect(written).toMatchObject([{ batches: 1, references: 1 }])
  })

  it('a batch that the topic refuses because its limit was lowered since', async () => {
    const it = await taken([batchOfRecords([bad('x'.repeat(30_000))])])
    const other = await taken([batchOfRecords([bad()])])
    const { topic, writer } = await quarantined(other)
    await alterTopic(broker.admin, topic, { 'max.message.bytes': '20000' })
    await writer.put(it.partition, it.items)
    await writer.close()
    const { entries } = await list(topic)
    expect(entries.map((entry) => entry.reference !== null).toSorted()).toEqual([false, true])
  })

  it('batches beyond the byte budget of a partition and an hour, which alarms once', async () => {
    let now = 1_000
    const it = await taken(Array.from({ length: 40 }, () => batchOfRecords([bad('y'.repeat(2_000))])))
    const { topic, writer, alarms, written } = await quarantined(it, { budgetBytes: 10_000, now: () => now })
    await reference(it, topic)
    const more = await taken([batchOfRecords([bad('z'.repeat(20_000))])])
    await writer.put(it.partition, more.items)
    expect(alarms).toEqual([10_000])
    expect(written.map(({ references }) => references)).toEqual([40, 1])
    now += 3_600_000
    const later = await taken([batchOfRecords([bad('later')])])
    await writer.put(it.partition, later.items)
    expect(written.at(-1)).toMatchObject({ batches: 1, references: 0 })
    await writer.close()
    expect(await logBytes(cluster.view, topic)).toBeLessThan(8_000)
  })
})

describe('floods', { timeout: 120_000 }, () => {
  const many = (n: number, record: RawRecord, codec: RawCodec = 'none') =>
    batchOfRecords(Array(n).fill(record), codec)
  const zeros = (bytes: number) => ({ value: Buffer.alloc(bytes) })
  const alternating = Array.from({ length: 60_000 }, (_, i) => (i % 2 === 0 ? bad() : good()))
  const unlike = Array.from({ length: 20_000 }, (_, i) => ({
    value: i % 3 === 0 ? goodValue(7) : badValue(i),
  }))
  const random = Array.from({ length: 20_000 }, (_, i) =>
    (createHash('md5').update(`${i}`).digest()[0] ?? 0) < 128 ? bad() : good(),
  )

  it.each<[string, () => Buffer[], number?]>([
    [
      '400 batches of one bad record of a few bytes',
      () => Array.from({ length: 400 }, () => batchOfRecords([bad()])),
    ],
    ['400 batches of one empty record', () => Array.from({ length: 400 }, () => batchOfRecords([zeros(0)]))],
    ['60,000 bad records in one batch', () => [many(60_000, bad('pad'), 'zstd')]],
    ['every other record of 60,000 in one batch', () => [batchOfRecords(alternating, 'zstd')]],
    ['records bad at random', () => [batchOfRecords(random, 'zstd')]],
    ['20,000 schema ids', () => [batchOfRecords(unlike, 'zstd')]],
    ['1,000 malformed records in 18 kB', () => [many(1_000, bad('0123'))]],
    [
      'empty values and tombstones',
      () => [batchOfRecords([zeros(0), { value: null }, zeros(0)]), many(500, zeros(0))],
    ],
    ['one record of 60 MiB in 2 kB', () => [batchOfRecords([zeros(60 * 1024 * 1024)], 'zstd')]],
    [
      '15 records of 4 MiB in 2 kB, twenty times',
      () => Array.from({ length: 20 }, () => many(15, zeros(4 * 1024 * 1024 - 100), 'zstd')),
    ],
    [
      'batches that cannot be taken apart',
      () => Array.from({ length: 50 }, () => many(60, zeros(10_000), 'gzip')),
      100_000,
    ],
  ])('grow the quarantine by no more than twice their bytes: %s', async (_, batches, maxBatchBytes) => {
    const it = await taken(batches(), maxBatchBytes)
    const { topic, writer } = await quarantined(it)
    await writer.close()
    const grown = await logBytes(cluster.view, topic)
    expect(it.items.length).toBeGreaterThan(0)
    expect(grown).toBeLessThanOrEqual(2 * it.wireBytes)
  })
})
