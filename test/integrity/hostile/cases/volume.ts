import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { alterTopic } from '../../../support/kafka/topic-admin.ts'
import { rawBatch, rawRecord } from '../../../support/raw-produce.ts'
import { WORKERS } from '../../faults/plan.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'
import { batchOf, bothPass, events, goesOn, inPieces, isSetAside, recordsOf, zstd } from '../seen.ts'

const MIB = 2 ** 20
const ALL = [0, 1, 2]
/** Partitions that are added. */
const MANY = Array.from({ length: 54 }, (_, at) => ALL.length + at)
const COPIED_EVENTS = 200
const IN_A_BATCH = 5_000
const PATIENCE_MS = 180_000

/** A batch of few bytes whose `count` bad records unpack to a megabyte each. */
function megabytes(attack: Attack, count: number): Buffer {
  const value = Buffer.concat([attack.validEvent(), Buffer.alloc(MIB - 50_000)])
  return batchOf(
    Array.from({ length: count }, () => value),
    4,
  )
}

async function sendTimes(attack: Attack, times: number, batch: Buffer, partition?: number): Promise<bigint> {
  let offset = 0n
  for (let sent = 0; sent < times; sent++) offset = await attack.sendBatch(batch, partition)
  return offset
}

/** What is bad once, many times over: nothing of it is more than a batch may be, and all together is much. */
export const VOLUME_CASES: readonly HostileCase[] = [
  {
    name: 'volume: 300 batches of bad records that unpack to 31 MB, in one partition',
    cells: ['producer/record batches/grow', 'producer/record batches/delay'],
    inTest: false,
    run: async (attack) => {
      const send = () => sendTimes(attack, 300, megabytes(attack, 31))
      await isSetAside(attack, 'MALFORMED', 300 * 31, send, PATIENCE_MS)
      await goesOn(attack)
    },
  },
  {
    name: 'volume: 20 batches of bad records that unpack to 31 MB, in each partition of a topic at once',
    cells: ['producer/record batches/grow', 'producer/record batches/delay'],
    inTest: false,
    mayStop: ALL,
    run: async (attack) => {
      const batch = megabytes(attack, 31)
      const send = () => Promise.all(ALL.map((partition) => sendTimes(attack, 20, batch, partition)))
      await isSetAside(attack, 'MALFORMED', ALL.length * 20 * 31, send, PATIENCE_MS)
      await goesOn(attack)
    },
  },
  {
    name: 'volume: batches of a megabyte in thousands of gzip members and zstd frames',
    cells: ['producer/record batches/delay'],
    inTest: false,
    run: async (attack) => {
      const body = recordsOf([randomBytes(800_000)])
      const batches = [
        rawBatch({ body: inPieces(body, 200, zstd), codec: 4, count: 1 }),
        rawBatch({ body: inPieces(body, 200, (piece) => gzipSync(piece)), codec: 1, count: 1 }),
      ]
      let last = 0n
      for (const batch of batches) last = await sendTimes(attack, 6, batch)
      await bothPass(attack, last, PATIENCE_MS)
      await goesOn(attack)
    },
  },
  {
    name: 'volume: 99,000 tombstones a batch, twenty times',
    cells: ['producer/records/delay', 'producer/records/grow'],
    inTest: false,
    run: async (attack) => {
      const tombstones = batchOf(new Array<null>(99_000).fill(null), 4)
      const offset = await sendTimes(attack, 20, tombstones)
      await bothPass(attack, offset + 98_999n, PATIENCE_MS)
      await goesOn(attack)
    },
  },
  {
    name: 'volume: 90,000 malformed bodies of a few bytes a batch, five times',
    cells: ['producer/records/delay', 'producer/records/grow'],
    inTest: false,
    run: async (attack) => {
      const header = attack.validEvent().subarray(0, 5)
      const values = Array.from({ length: 90_000 }, () => Buffer.concat([header, Buffer.of(2)]))
      const batch = batchOf(values)
      await isSetAside(attack, 'MALFORMED', 5 * values.length, () => sendTimes(attack, 5, batch), PATIENCE_MS)
      await goesOn(attack)
    },
  },
  {
    name: 'volume: 200,000 tombstones in one batch, more than are taken apart',
    cells: ['producer/records/delay', 'producer/records/grow'],
    inTest: false,
    run: async (attack) => {
      const tombstones = batchOf(new Array<null>(200_000).fill(null), 4)
      await isSetAside(attack, 'OVERSIZED', 1, () => attack.sendBatch(tombstones))
      await goesOn(attack)
    },
  },
  {
    name: 'volume: bad records with keys of 900 kB, and with headers of 900 kB',
    cells: ['producer/records/grow', 'producer/records/delay'],
    inTest: false,
    run: async (attack) => {
      const large = Buffer.alloc(900_000, 0x6b)
      const value = attack.validEvent().subarray(0, -1)
      const bad = [
        rawRecord({ delta: 0, key: large, value }),
        rawRecord({ delta: 0, value, headers: [['h', large]] }),
      ]
      const batches = bad.flatMap((body) => [
        rawBatch({ body, count: 1 }),
        rawBatch({ body: zstd(body), codec: 4, count: 1 }),
      ])
      const send = async () => {
        for (const batch of batches) await sendTimes(attack, 20, batch)
      }
      await isSetAside(attack, 'MALFORMED', 80, send, PATIENCE_MS)
      await goesOn(attack)
    },
  },
  {
    name: 'volume: batches of 16 MB after the topic was made to take them',
    cells: ['topic admin/topic settings/delay', 'producer/record batches/grow'],
    inTest: false,
    run: async (attack) => {
      const restore = await alterTopic(attack.admin, attack.target.topic, { 'max.message.bytes': '20000000' })
      try {
        const value = Buffer.concat([attack.validEvent(), Buffer.alloc(1_000_000, 0x6b)])
        const batch = batchOf(Array.from({ length: 16 }, () => value))
        await isSetAside(attack, 'MALFORMED', 4 * 16, () => sendTimes(attack, 4, batch), PATIENCE_MS)
      } finally {
        await restore()
      }
      await goesOn(attack)
    },
  },
  {
    name: 'volume: two million copies and bad records in 54 partitions',
    cells: ['producer/records/delay', 'producer/records/grow', 'producer/records/stop'],
    isolated: true,
    inTest: false,
    mayStop: MANY,
    run: async (attack) => {
      const { topic } = attack.target
      await attack.admin.createPartitions({ topicPartitions: [{ topic, count: ALL.length + MANY.length }] })
      for (const kind of WORKERS)
        await attack.until(
          `the ${kind} worker reads all partitions`,
          async () => {
            const lines = await attack.metricLines(kind, /^daybook_position_offset\{/)
            return MANY.every((partition) => lines.includes(`partition="${partition}"`))
          },
          PATIENCE_MS,
        )
      const copied = events(attack, COPIED_EVENTS).map(({ value }) => value)
      const full = Array.from({ length: IN_A_BATCH }, (_, at) => copied[at % COPIED_EVENTS] ?? null)
      const copies = batchOf(full, 4)
      const junk = batchOf(
        full.map((_, at) => Buffer.from(`junk ${at}`)),
        4,
      )
      const lasts = new Map<number, bigint>()
      for (let round = 0; round < 8; round++)
        for (const partition of MANY)
          lasts.set(partition, await attack.sendBatch(partition % 3 === 0 ? junk : copies, partition))
      for (const [partition, last] of lasts)
        await bothPass(attack, last + BigInt(IN_A_BATCH) - 1n, PATIENCE_MS, partition)
      await goesOn(attack)
    },
  },
]
