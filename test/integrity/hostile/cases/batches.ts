import { gzipSync } from 'node:zlib'
import {
  lz4Block,
  lz4Frame,
  skippableZstdFrame,
  snappyBlock,
  xerial,
} from '../../../support/kafka/encoders.ts'
import { rawBatch, rawRecord, sealed, varint } from '../../../support/raw-produce.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'
import {
  allShow,
  allShowWithBrokerTime,
  batchOf,
  bothPass,
  eventBatch,
  events,
  goesOn,
  inPieces,
  isListed,
  isSetAside,
  mustBe,
  recordsOf,
  zstd,
} from '../seen.ts'

const MIB = 2 ** 20
const JUNK = Buffer.alloc(16, 0x55)
const ATTRIBUTES_AT = 21
const EPOCH_AT = 12

/** Ways to pack one record that the broker takes and the Java client reads. */
const READ_BY_JAVA: readonly (readonly [codec: number, pack: (record: Buffer) => Buffer])[] = [
  [1, (record) => Buffer.concat([gzipSync(record), JUNK])],
  [1, (record) => Buffer.concat([gzipSync(record), gzipSync(record).subarray(0, 12)])],
  [1, (record) => Buffer.concat([gzipSync(record.subarray(0, 9)), gzipSync(record.subarray(9))])],
  [2, (record) => snappyBlock(record)],
  [2, (record) => Buffer.concat([xerial([snappyBlock(record)]), Buffer.alloc(3, 0x55)])],
  [
    2,
    (record) =>
      Buffer.concat([
        xerial([snappyBlock(record.subarray(0, 9))]),
        xerial([snappyBlock(record.subarray(9))]),
      ]),
  ],
  [3, (record) => Buffer.concat([lz4Frame([{ packed: lz4Block(record) }]), JUNK])],
  [3, (record) => lz4Frame([{ stored: record }], { flags: 0x04 })],
  [4, (record) => Buffer.concat([zstd(record.subarray(0, 9)), zstd(record.subarray(9))])],
  [4, (record) => Buffer.concat([skippableZstdFrame(20), zstd(record), skippableZstdFrame(9)])],
]

/** A valid event whose record states a length that is `more` than it has; only compressed are such batches taken. */
function lyingRecord({ validEvent }: Attack, more: number): Buffer {
  const value = validEvent()
  const parts = [
    Buffer.of(0),
    varint(0n),
    varint(0n),
    varint(-1n),
    varint(BigInt(value.length)),
    value,
    varint(0n),
  ]
  const body = Buffer.concat(parts)
  return Buffer.concat([varint(BigInt(body.length + more)), body])
}

const PACKED: readonly (readonly [codec: number, pack: (bytes: Buffer) => Buffer])[] = [
  [1, (bytes) => gzipSync(bytes)],
  [2, (bytes) => xerial([snappyBlock(bytes)])],
  [3, (bytes) => lz4Frame([{ stored: bytes }])],
  [4, (bytes) => zstd(bytes)],
]

/** Record batches as no usual client writes them, but as brokers take them. */
export const BATCH_CASES: readonly HostileCase[] = [
  {
    name: 'batches with bytes behind the stream, several streams, or frames to skip, of every codec',
    cells: ['producer/record batches/stop', 'producer/record batches/hide'],
    inTest: true,
    run: async (attack) => {
      const sent = READ_BY_JAVA.map(([codec, pack]) => eventBatch(attack, codec, pack))
      for (const { batch } of sent) await attack.sendBatch(batch)
      await allShow(
        attack,
        sent.map(({ id }) => id),
      )
      await goesOn(attack)
    },
  },
  {
    name: 'batches of several gzip members and zstd frames that each hold whole records',
    cells: ['producer/record batches/hide'],
    inTest: false,
    run: async (attack) => {
      for (const [codec, pack] of [
        [1, gzipSync],
        [4, zstd],
      ] as const) {
        const sent = events(attack, 60)
        const records = sent.map(({ value }, delta) => rawRecord({ delta, value }))
        const members = Array.from({ length: 12 }, (_, at) =>
          pack(Buffer.concat(records.slice(at * 5, at * 5 + 5))),
        )
        await attack.sendBatch(rawBatch({ body: Buffer.concat(members), codec, count: sent.length }))
        await allShow(
          attack,
          sent.map(({ id }) => id),
        )
      }
    },
  },
  {
    name: 'an LZ4 batch with a second frame that its own client never reads',
    cells: ['producer/record batches/falsify'],
    inTest: false,
    run: async (attack) => {
      const [first, second] = events(attack, 2)
      if (first === undefined || second === undefined) return
      const frames = [first, second].map(({ value }) =>
        lz4Frame([{ stored: rawRecord({ delta: 0, value }) }]),
      )
      await attack.sendBatch(rawBatch({ body: Buffer.concat(frames), codec: 3, count: 1 }))
      await allShow(attack, [first.id])
      await goesOn(attack)
      const rows = await attack.sql(`SELECT 1 AS one FROM daybook.events WHERE event_id = '${second.id}'`)
      mustBe('the rows of the second frame', rows, [])
    },
  },
  {
    name: 'one record of 60 MiB in a batch of 2 kB',
    cells: ['producer/record batches/stop', 'producer/record batches/grow'],
    inTest: true,
    run: async (attack) => {
      const batch = batchOf([Buffer.alloc(60 * MIB)], 4)
      await isSetAside(attack, 'OVERSIZED', 1, () => attack.sendBatch(batch))
      await goesOn(attack)
    },
  },
  {
    name: '15 records of 4 MB in a small batch',
    cells: ['producer/record batches/stop', 'producer/record batches/hide'],
    inTest: false,
    run: async (attack) => {
      const batch = batchOf(
        Array.from({ length: 15 }, () => Buffer.alloc(4_000_000)),
        4,
      )
      let offset = 0n
      await isSetAside(attack, 'OVERSIZED', 1, async () => {
        offset = await attack.sendBatch(batch)
      })
      await goesOn(attack)
      const gaps = await attack.sql<{ n: string }>(
        `SELECT uniqExact(o) AS n FROM (SELECT arrayJoin(range(toUInt64(first), toUInt64(last + 1))) AS o FROM daybook.gaps WHERE topic_id = '${attack.target.topicId}' AND partition = ${attack.target.partition} AND reason = 'quarantined' AND first >= ${offset} AND last < ${offset + 15n})`,
      )
      mustBe('the number of its offsets that the hot store accounts for as quarantined', gaps[0]?.n, '15')
      await isListed(attack, offset)
    },
  },
  {
    name: '20 batches of 4 kB that unpack to 100 MB each',
    cells: ['producer/record batches/grow', 'producer/record batches/delay'],
    inTest: false,
    run: async (attack) => {
      const zstdBatch = batchOf(
        Array.from({ length: 100 }, () => Buffer.alloc(MIB)),
        4,
      )
      const gzipBody = gzipSync(recordsOf([Buffer.alloc(100 * MIB)]))
      const gzipBatch = rawBatch({ body: gzipBody, codec: 1, count: 1 })
      await isSetAside(
        attack,
        'OVERSIZED',
        20,
        async () => {
          for (let sent = 0; sent < 10; sent++) {
            await attack.sendBatch(zstdBatch)
            await attack.sendBatch(gzipBatch)
          }
        },
        60_000,
      )
      await goesOn(attack)
    },
  },
  {
    name: '20 batches of bad records that unpack to 30 MB, just below what a worker takes apart',
    cells: ['producer/record batches/grow', 'producer/record batches/delay'],
    inTest: false,
    run: async (attack) => {
      const body = Buffer.concat([attack.validEvent(), Buffer.alloc(999_000)])
      const batch = batchOf(
        Array.from({ length: 30 }, () => body),
        4,
      )
      await isSetAside(
        attack,
        'MALFORMED',
        600,
        async () => {
          for (let sent = 0; sent < 20; sent++) await attack.sendBatch(batch)
        },
        60_000,
      )
      await goesOn(attack)
    },
  },
  {
    name: 'compressed batches whose records state a wrong length',
    cells: ['producer/record batches/stop', 'producer/record batches/hide'],
    inTest: false,
    run: async (attack) => {
      const offsets: bigint[] = []
      await isSetAside(attack, 'CORRUPT_BATCH', 2 * PACKED.length, async () => {
        for (const [codec, pack] of PACKED)
          for (const more of [5, -2]) {
            const body = pack(lyingRecord(attack, more))
            offsets.push(await attack.sendBatch(rawBatch({ body, codec, count: 1 })))
          }
      })
      await goesOn(attack)
      await isListed(attack, offsets[0] ?? 0n)
    },
  },
  {
    name: 'batches whose records claim offsets of others',
    cells: ['producer/record batches/hide', 'producer/record batches/falsify'],
    inTest: true,
    run: async (attack) => {
      const lies = [
        [0, 7, 3],
        [0, 0, 0],
        [2, 1, 0],
        [-1, -2, -2_147_483_648],
        [2_147_483_647],
        [1],
        [0, 1, 1_000],
      ]
      for (const deltas of lies) {
        const body = Buffer.concat(deltas.map((delta) => rawRecord({ delta, value: attack.validEvent() })))
        const batch = rawBatch({ body, count: deltas.length })
        await isSetAside(attack, 'CORRUPT_BATCH', 1, () => attack.sendBatch(batch))
        await goesOn(attack)
      }
    },
  },
  {
    name: 'batches whose header claims times, an epoch and attributes of its own making',
    cells: ['producer/record batches/falsify', 'producer/record batches/hide'],
    inTest: false,
    run: async (attack) => {
      const [least, most] = [-(2n ** 63n), 2n ** 63n - 1n]
      const times = eventBatch(attack, 0, (record) => record, { firstTimestamp: least, maxTimestamp: most })
      const epoch = eventBatch(attack, 0, (record) => record)
      epoch.batch.writeInt32BE(2_000_000_000, EPOCH_AT)
      const flags = [0x40, 0x80, 0x7f80, -0x8000].map((bits) => {
        const made = eventBatch(attack, 0, (record) => record)
        made.batch.writeInt16BE(bits & ~0x78, ATTRIBUTES_AT)
        return { ...made, batch: sealed(made.batch) }
      })
      const horizon = eventBatch(attack, 0, (record) => record, { firstTimestamp: 1n })
      horizon.batch.writeInt16BE(0x40, ATTRIBUTES_AT)
      sealed(horizon.batch)
      const sent = [times, epoch, horizon, ...flags]
      for (const { batch } of sent) await attack.sendBatch(batch)
      await allShowWithBrokerTime(
        attack,
        sent.map(({ id }) => id),
      )
      await goesOn(attack)
    },
  },
  {
    name: 'events in thousands of tiny gzip members and zstd frames',
    cells: ['producer/record batches/delay'],
    inTest: false,
    run: async (attack) => {
      const sent = events(attack, 1_000)
      const body = recordsOf(sent.map(({ value }) => value))
      const members = inPieces(body, 48, (piece) => gzipSync(piece))
      const batch = rawBatch({ body: members, codec: 1, count: sent.length })
      await attack.sendBatch(batch)
      await allShow(
        attack,
        sent.map(({ id }) => id),
      )
      for (const [codec, packed] of [
        [1, Buffer.concat([members, JUNK])],
        [4, inPieces(body, 24, zstd)],
      ] as const) {
        const many = rawBatch({ body: packed, codec, count: sent.length })
        await isSetAside(attack, 'CORRUPT_BATCH', 1, () => attack.sendBatch(many))
      }
      await goesOn(attack)
    },
  },
  {
    name: 'bytes behind the batch in the request, and an LZ4 batch with an empty block',
    cells: ['producer/record batches/stop'],
    inTest: false,
    run: async (attack) => {
      const { id, batch } = eventBatch(attack, 0, (record) => record)
      await attack.sendBatch(Buffer.concat([batch, Buffer.alloc(5)]))
      await allShow(attack, [id])
      const empty = eventBatch(attack, 3, (record) =>
        lz4Frame([{ packed: Buffer.of(0) }, { stored: record }]),
      )
      await isSetAside(attack, 'CORRUPT_BATCH', 1, () => attack.sendBatch(empty.batch))
      await goesOn(attack)
    },
  },
  {
    name: 'records whose key and value have negative lengths',
    cells: ['producer/record batches/stop'],
    inTest: false,
    run: async (attack) => {
      const body = Buffer.concat([
        Buffer.of(0),
        varint(0n),
        varint(0n),
        varint(-77n),
        varint(-99n),
        varint(0n),
      ])
      const record = Buffer.concat([varint(BigInt(body.length)), body])
      const offset = await attack.sendBatch(rawBatch({ body: record, count: 1 }))
      await bothPass(attack, offset)
      const { topicId, partition } = attack.target
      const gaps = await attack.sql(
        `SELECT DISTINCT reason FROM daybook.gaps WHERE topic_id = '${topicId}' AND partition = ${partition} AND first <= ${offset} AND last >= ${offset}`,
      )
      mustBe('what the hot store says of it', gaps, [{ reason: 'tombstone' }])
    },
  },
]
