import { randomUUID } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { lz4Block, lz4Frame, snappyBlock, xerial } from '../../../support/kafka/encoders.ts'
import { rawBatch, rawRecord } from '../../../support/raw-produce.ts'
import type { HostileCase } from '../hostile-case.ts'
import {
  allShow,
  allShowWithBrokerTime,
  batchOf,
  events,
  goesOn,
  isSetAside,
  recordsOf,
  zstd,
} from '../seen.ts'

const MIB = 2 ** 20
const ALL = [0, 1, 2]
const PATIENCE_MS = 90_000
const TRICKLE_MS = 8_000
/** The hot worker of the arena closes a range after 300 ms, or after half of that along with another one. */
const MESSAGES_A_SECOND = 1_000 / 150
/** What a message of the quarantine takes beside its batches. */
const MESSAGE_BYTES = 400

/** A batch of this record, as it is or compressed with zstd. */
const batchOfOne = (record: Buffer, isPacked: boolean): Buffer =>
  rawBatch({ body: isPacked ? zstd(record) : record, codec: isPacked ? 4 : 0, count: 1 })

/** Cut into blocks that a decoder takes one by one. */
const blocksOf = (body: Buffer, bytes: number): Buffer[] =>
  Array.from({ length: Math.ceil(body.length / bytes) }, (_, at) =>
    body.subarray(at * bytes, (at + 1) * bytes),
  )

const LZ4 = { blockSizeCode: 7, bytes: 4 * MIB }
const CODECS: readonly (readonly [codec: number, mib: number, pack: (body: Buffer) => Buffer])[] = [
  [1, 30, (body) => gzipSync(body)],
  [2, 12, (body) => xerial(blocksOf(body, 32_768).map((block) => snappyBlock(block)))],
  [
    3,
    30,
    (body) =>
      lz4Frame(
        blocksOf(body, LZ4.bytes).map((block) => ({ packed: lz4Block(block) })),
        LZ4,
      ),
  ],
  [4, 30, (body) => zstd(body)],
]

/** What is large, long or far away in a record, beyond what any client writes. */
export const EXTREME_CASES: readonly HostileCase[] = [
  {
    name: 'extremes: header names of a megabyte, as they are and packed, and headers without a value',
    cells: ['producer/records/stop', 'producer/records/delay', 'producer/records/hide'],
    inTest: false,
    run: async (attack) => {
      const sent = events(attack, 40)
      const names = Array.from({ length: 20 }, (_, at) => String.fromCharCode(0x61 + at).repeat(MIB))
      for (const [at, { value }] of sent.entries()) {
        const isPacked = at % 2 === 1
        const headers = (isPacked ? names : ['n'.repeat(900_000)]).map((name) => [name, null] as const)
        const record = rawRecord({ delta: 0, value, headers })
        await attack.sendBatch(batchOfOne(record, isPacked))
      }
      await allShow(
        attack,
        sent.map(({ id }) => id),
      )
      await goesOn(attack)
    },
  },
  {
    name: 'extremes: valid events with keys of 10 MB, in batches of 2 kB',
    cells: ['producer/records/delay', 'producer/records/grow'],
    inTest: false,
    run: async (attack) => {
      const key = Buffer.alloc(10 * MIB, 7)
      const sent = events(attack, 60)
      for (const { value } of sent)
        await attack.sendBatch(batchOfOne(rawRecord({ delta: 0, key, value }), true))
      await allShow(
        attack,
        sent.map(({ id }) => id),
        PATIENCE_MS,
      )
      await goesOn(attack)
    },
  },
  {
    name: 'extremes: batches of every codec that unpack to 30 MB, in all partitions of the topic at once',
    cells: ['producer/record batches/delay', 'producer/record batches/grow'],
    inTest: false,
    mayStop: ALL,
    run: async (attack) => {
      const times = 4
      const batches = CODECS.map(([codec, mib, pack]) =>
        rawBatch({ body: pack(recordsOf([Buffer.alloc(mib * MIB)])), codec, count: 1 }),
      )
      const flood = async (partition: number) => {
        for (let sent = 0; sent < times; sent++)
          for (const batch of batches) await attack.sendBatch(batch, partition)
      }
      const send = () => Promise.all(ALL.map(flood))
      await isSetAside(attack, 'OVERSIZED', times * batches.length * ALL.length, send, PATIENCE_MS)
      await goesOn(attack)
    },
  },
  {
    name: 'extremes: 60 events, each of a tenant, actor and action whose name is 340 kB',
    cells: ['producer/records/delay', 'producer/records/grow'],
    inTest: false,
    run: async (attack) => {
      const sent = Array.from({ length: 60 }, (_, at) => {
        const id = randomUUID()
        const long = `${at}\u202e\0`.padEnd(340_000, 'x')
        return {
          id,
          value: attack.validEvent({ event_id: id, tenant_id: long, action: `a${long}`, producer_id: long }),
        }
      })
      for (let at = 0; at < sent.length; at += 20)
        await attack.sendBatch(
          batchOf(
            sent.slice(at, at + 20).map(({ value }) => value),
            4,
          ),
        )
      await allShow(
        attack,
        sent.map(({ id }) => id),
        PATIENCE_MS,
      )
      await goesOn(attack)
    },
  },
  {
    name: 'extremes: times of records beyond what a clock can be',
    cells: ['producer/records/falsify', 'producer/records/hide'],
    inTest: false,
    run: async (attack) => {
      const deltas = [-(2n ** 63n), 2n ** 63n - 1n, -1n, 2n ** 42n]
      const sent = events(attack, 2 * deltas.length)
      for (const [at, { value }] of sent.entries()) {
        const record = rawRecord({ delta: 0, value, timestampDelta: deltas[at % deltas.length] ?? 0n })
        const isPacked = at >= deltas.length
        await attack.sendBatch(
          rawBatch({ body: isPacked ? zstd(record) : record, codec: isPacked ? 4 : 0, count: 1 }),
        )
      }
      await allShowWithBrokerTime(
        attack,
        sent.map(({ id }) => id),
      )
      await goesOn(attack)
    },
  },
  {
    name: 'extremes: bad batches of one byte, each sent when the one before was set aside',
    cells: ['producer/quarantine topic/grow'],
    inTest: false,
    run: async (attack) => {
      const { topic } = attack.target
      const bytes = () => attack.metric('hot', 'daybook_quarantine_bytes_total', { topic })
      const batch = batchOf([Buffer.of(1)])
      const [before, from] = [await bytes(), Date.now()]
      let sent = 0
      for (; Date.now() - from < TRICKLE_MS; sent++)
        await isSetAside(attack, 'NOT_WIRE_FORMAT', 1, () => attack.sendBatch(batch))
      await goesOn(attack)
      const grown = (await bytes()) - before
      const seconds = (Date.now() - from) / 1_000
      attack.note(`${sent} batches in ${seconds.toFixed(1)} s, ${grown} bytes in quarantine`)
      const most = 2 * sent * batch.length + Math.ceil(seconds * MESSAGES_A_SECOND) * MESSAGE_BYTES
      if (grown > most) throw new Error(`the quarantine grew by ${grown} bytes, more than ${most}`)
    },
  },
]
