import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endOfBatches } from '../../../../../consumers/kafka/protocol/batch-extents.ts'
import { rawBatch, rawRecord, sealed } from '../../../../support/raw-produce.ts'
import { contentOf } from '../../../../support/records.ts'
import { type BatchSpec, buildBatch, buildMarker, type RecordSpec } from './batch-builder.ts'
import { decode, MIB, offsets, plain, value } from './decode-batches.ts'

describe('decoding record batches', () => {
  it('gives keys, values, and append times of the batch', () => {
    const records = [
      { delta: 0, key: value('k'), value: value('v'), headers: [['h', value('x')]] as const },
      { delta: 1, key: null, value: Buffer.alloc(0) },
      { delta: 2, key: Buffer.alloc(0), value: null },
    ]
    const [slice] = decode(buildBatch({ base: 10n, records, appendTime: 1_700_000_000_123 }), { from: 10n })
    const appendTime = 1_700_000_000_123
    expect(slice?.records.map(contentOf)).toEqual([
      { offset: 10n, appendTime, key: value('k'), value: value('v') },
      { offset: 11n, appendTime, key: null, value: Buffer.alloc(0) },
      { offset: 12n, appendTime, key: Buffer.alloc(0), value: null },
    ])
  })

  it('gives the record time where the topic has producer time, before the batch time too', () => {
    const records = [
      { delta: 0, timestampDelta: 0 },
      { delta: 1, timestampDelta: -5 },
      { delta: 2, timestampDelta: 2 ** 40 },
    ]
    const [slice] = decode(buildBatch({ base: 0n, records, firstTimestamp: 1_000 }))
    expect(slice?.records.map(({ appendTime }) => appendTime)).toEqual([1_000, 995, 1_000 + 2 ** 40])
  })

  it('gives headers in order with repeats, when asked', () => {
    const headers = [
      ['a', value('1')],
      ['b', null],
      ['a', value('2')],
    ] as const
    const [slice] = decode(buildBatch({ base: 0n, records: [{ delta: 0, headers }] }), { withHeaders: true })
    expect(slice?.records[0]?.headers).toEqual(headers)
  })

  it('keeps of a batch with large headers what its records count for, and all of one without', () => {
    const records = (header: Buffer) => [
      { delta: 0, key: value('k'), value: value('v'), headers: [['h', header]] as const },
      { delta: 1, key: null, value: Buffer.alloc(0) },
      { delta: 2, key: Buffer.alloc(0), value: null },
      { delta: 3, key: null, value: null },
      { delta: 4, key: value('key'), value: value('value') },
    ]
    const [small, large] = [value('x'), Buffer.alloc(MIB)].map((header) => {
      const batch = buildBatch({ base: 10n, records: records(header) })
      return { batch, read: decode(batch, { from: 10n })[0]?.records ?? [] }
    })
    expect(large?.read.map(contentOf)).toEqual(small?.read.map(contentOf))
    expect(small?.read.map(({ bytes }) => bytes.buffer === small.batch.buffer)).toEqual(Array(5).fill(true))
    expect(large?.read.map(({ bytes }) => bytes.buffer.byteLength)).toEqual(Array(5).fill(10))
  })

  it('takes the work on a batch that unpacks to too much for as many bytes', () => {
    const bomb = (base: bigint) =>
      rawBatch({ base, body: gzipSync(Buffer.alloc(2 * MIB)), codec: 1, count: 1 })
    const bombs = Buffer.concat([bomb(0n), bomb(1n), bomb(2n), bomb(3n)])
    const read = decode(bombs, { maxBatchBytes: MIB, maxSliceBytes: 2 * MIB })
    expect(read.map(({ first, last }) => [first, last])).toEqual([
      [0n, 1n],
      [2n, 3n],
    ])
  })

  it('leaves out what lies below the offset that was asked for', () => {
    const [slice] = decode(plain(5n, 0, 1, 2, 3), { from: 7n })
    expect(slice?.first).toBe(7n)
    expect(slice?.records.map(({ offset }) => offset)).toEqual([7n, 8n])
  })

  it('explains no offset that is missing before, within, after or between batches, and goes on behind it', () => {
    const first = buildBatch({ base: 2n, records: [{ delta: 0 }, { delta: 3 }], lastOffsetDelta: 5 })
    const [slice, ...others] = decode(Buffer.concat([first, plain(10n, 0), buildMarker(12n, 1n, 'commit')]))
    expect(slice?.records.map(({ offset }) => offset)).toEqual([2n, 5n, 10n])
    expect(slice?.gaps).toEqual([{ first: 12n, last: 12n, reason: 'control' }])
    expect([slice?.first, slice?.last, others]).toEqual([0n, 12n, []])
  })

  it('takes a batch that lost all of its records for covered, so that its end is not asked for again', () => {
    const emptied = buildBatch({ base: 3n, records: [], lastOffsetDelta: 4 })
    const [slice] = decode(emptied, { from: 3n })
    expect(slice).toMatchObject({ first: 3n, last: 7n, records: [], gaps: [], batches: [] })
  })

  it('takes the records of aborted transactions for gaps, interleaved with others', () => {
    const transactional = (base: bigint, producerId: bigint) =>
      buildBatch({ base, producerId, isTransactional: true, records: [{ delta: 0, value: value('t') }] })
    const recordBatches = Buffer.concat([
      transactional(0n, 1n),
      transactional(1n, 2n),
      plain(2n, 0),
      buildMarker(3n, 1n, 'abort'),
      transactional(4n, 1n),
      buildMarker(5n, 2n, 'commit'),
      buildMarker(6n, 1n, 'commit'),
    ])
    const all = decode(recordBatches, { aborted: [{ producerId: 1n, firstOffset: 0n }] })
    expect(all.flatMap(({ records }) => records.map(({ offset }) => offset))).toEqual([1n, 2n, 4n])
    expect(all.flatMap(({ gaps }) => gaps)).toEqual([
      { first: 0n, last: 0n, reason: 'aborted' },
      { first: 3n, last: 3n, reason: 'control' },
      { first: 5n, last: 6n, reason: 'control' },
    ])
  })

  it('knows an aborted transaction that began before the fetch', () => {
    const tail = buildBatch({ base: 5n, producerId: 1n, isTransactional: true, records: [{ delta: 0 }] })
    const recordBatches = Buffer.concat([tail, buildMarker(6n, 1n, 'abort')])
    const [slice] = decode(recordBatches, { from: 5n, aborted: [{ producerId: 1n, firstOffset: 2n }] })
    expect(slice?.gaps.map(({ reason }) => reason)).toEqual(['aborted', 'control'])
  })

  it('ignores a batch that is cut off at the end', () => {
    const whole = Buffer.concat([plain(0n, 0), plain(1n, 0)])
    for (let bytes = whole.length - 1; bytes > whole.length / 2; bytes--) {
      expect(offsets(decode(whole.subarray(0, bytes)))).toEqual([0n])
      expect(endOfBatches(whole.subarray(0, bytes))).toEqual({
        next: 1n,
        epoch: -1,
        records: 1,
        isSound: true,
      })
    }
  })

  it('hands over in slices of bounded size, which follow each other', () => {
    const recordBatches = Buffer.concat(Array.from({ length: 10 }, (_, i) => plain(BigInt(i * 2), 0, 1)))
    const all = decode(recordBatches, { maxSliceBytes: 150 })
    expect(all.length).toBeGreaterThan(3)
    for (const [i, slice] of all.entries())
      expect(slice.first).toBe(i === 0 ? 0n : (all[i - 1]?.last ?? 0n) + 1n)
    expect(offsets(all)).toEqual(Array.from({ length: 20 }, (_, i) => BigInt(i)))
  })

  it('ends a slice at many gaps, however few bytes they are of; those that follow each other for a reason are one', () => {
    const aborted: { producerId: bigint; firstOffset: bigint }[] = []
    const batches: Buffer[] = []
    for (let base = 0n; base < 60_000n; base += 3n) {
      for (const offset of [base, base + 1n]) {
        const records = [{ delta: 0 }]
        batches.push(buildBatch({ base: offset, producerId: 1n, isTransactional: true, records }))
      }
      batches.push(buildMarker(base + 2n, 1n, 'abort'))
      aborted.push({ producerId: 1n, firstOffset: base })
    }
    const all = decode(Buffer.concat(batches), { aborted, maxSliceBytes: 100 * MIB })
    expect(all.map(({ gaps }) => gaps.length)).toEqual([10_000, 10_000, 10_000, 10_000])
    expect(all[0]?.gaps.slice(0, 3)).toEqual([
      { first: 0n, last: 1n, reason: 'aborted' },
      { first: 2n, last: 2n, reason: 'control' },
      { first: 3n, last: 4n, reason: 'aborted' },
    ])
    expect([all[0]?.last, all[1]?.first, all.at(-1)?.last]).toEqual([14_999n, 15_000n, 59_999n])
  })

  it('gives the batches that the records came in, with bytes and time, and tells whose the time is', () => {
    const appended = buildBatch({ base: 0n, records: [{ delta: 0 }, { delta: 1 }], appendTime: 5_000 })
    const empty = buildBatch({ base: 2n, records: [], lastOffsetDelta: 3, appendTime: 6_000 })
    const records = [
      { delta: 0, timestampDelta: 3 },
      { delta: 1, timestampDelta: 1 },
    ]
    const created = buildBatch({ base: 6n, records, firstTimestamp: 7_000 })
    const [slice] = decode(Buffer.concat([appended, empty, created]), { from: 1n })
    expect(slice?.batches).toEqual([
      { first: 0n, last: 1n, appendTime: 5_000, bytes: appended },
      { first: 6n, last: 7n, appendTime: 7_001, bytes: created },
    ])
    expect(slice?.records.map(({ hasProducerTime }) => hasProducerTime)).toEqual([false, true, true])
  })
})

const recordArb = fc.record({
  skip: fc.nat(3),
  key: fc.option(fc.uint8Array({ maxLength: 5 }), { nil: null }),
  value: fc.option(fc.uint8Array({ maxLength: 20 }), { nil: null }),
})
const batchArb = fc.record({
  skip: fc.nat(3),
  tail: fc.nat(3),
  codec: fc.constantFrom<0 | 1>(0, 1),
  records: fc.array(recordArb, { minLength: 1, maxLength: 6 }),
})

describe('a batch that unpacks to more than it may', () => {
  const honest = (base: bigint) => buildBatch({ base, records: [{ delta: 0, value: value('v') }] })
  const bomb = buildBatch({
    base: 5n,
    records: [{ delta: 0, value: Buffer.alloc(MIB) }],
    lastOffsetDelta: 99,
    appendTime: 1_234,
    codec: 1,
  })
  const log = Buffer.concat([honest(4n), bomb, honest(105n)])

  it('is one record with its bytes as they are, and a gap; its neighbours are decoded', () => {
    const [slice] = decode(log, { from: 4n, maxBatchBytes: MIB, maxSliceBytes: 2 * MIB })
    expect(slice?.records.map(({ offset, fault }) => [offset, fault?.code])).toEqual([
      [4n, undefined],
      [5n, 'OVERSIZED'],
      [105n, undefined],
    ])
    expect(slice?.records[1]).toMatchObject({ appendTime: 1_234, key: null, value: bomb })
    expect(slice?.gaps).toEqual([{ first: 6n, last: 104n, reason: 'quarantined', brokerTime: 1_234 }])
  })

  it('is the same with more records than are taken apart, whatever they are', () => {
    const bodies = Buffer.concat(Array.from({ length: 100_001 }, (_, delta) => rawRecord({ delta })))
    const batch = rawBatch({ body: bodies, count: 100_001 })
    const [slice] = decode(batch, { maxBatchBytes: 32 * MIB, maxSliceBytes: MIB })
    expect(slice?.records.map(({ offset, fault }) => [offset, fault?.code])).toEqual([[0n, 'OVERSIZED']])
    expect(slice?.gaps).toMatchObject([{ first: 1n, last: 100_000n, reason: 'quarantined' }])
  })

  it('is only a gap where its first offset was dealt with before', () => {
    const [slice] = decode(log, { from: 50n, maxBatchBytes: MIB, maxSliceBytes: 2 * MIB })
    expect(slice?.records.map(({ offset }) => offset)).toEqual([105n])
    expect(slice?.gaps).toEqual([{ first: 50n, last: 104n, reason: 'quarantined', brokerTime: 1_234 }])
  })
})

describe('decoding any log', () => {
  it('goes from the first offset asked to the end of the last batch, every record in place, and makes up no gap', () => {
    fc.assert(
      fc.property(
        fc.array(batchArb, { minLength: 1, maxLength: 6 }),
        fc.nat(30),
        fc.integer({ min: 1, max: 400 }),
        (specs, start, maxSliceBytes) => {
          const { log, records, next } = build(specs)
          const from = BigInt(start)
          fc.pre(from < next)
          const all = decode(log, { from, maxSliceBytes })
          expect(all.map(({ first }) => first)).toEqual([
            from,
            ...all.slice(0, -1).map(({ last }) => last + 1n),
          ])
          expect(all.at(-1)?.last).toBe(next - 1n)
          expect(all.flatMap(({ gaps }) => gaps)).toEqual([])
          const found = all.flatMap((slice) =>
            slice.records.map(({ offset, key, value }) => ({ offset, key, value })),
          )
          expect(found).toEqual(records.filter(({ offset }) => offset >= from))
        },
      ),
    )
  })

  it('never throws, reads beyond a batch or spins, whatever stands in it', () => {
    const attributes = fc.constantFrom(0, 1, 2, 3, 4, 5, 8, 0x10, 0x20, 0x28)
    const bytes = fc.uint8Array({ minLength: 61, maxLength: 300 })
    fc.assert(
      fc.property(
        bytes,
        fc.integer({ min: -5, max: 300 }),
        attributes,
        fc.boolean(),
        (noise, count, bits, isIntact) => {
          const batch = Buffer.concat([plain(0n, 0).subarray(0, 61), noise])
          batch.writeInt16BE(bits, 21)
          batch.writeInt32BE(300, 23)
          batch.writeInt32BE(count, 57)
          sealed(batch)
          if (!isIntact) batch.writeUInt8(batch.readUInt8(17) ^ 1, 17)
          const all = decode(Buffer.concat([batch, plain(301n, 0)]))
          expect([all[0]?.first, all.at(-1)?.last]).toEqual([0n, 301n])
          const found = offsets(all)
          const isRead = all.every(({ records, gaps }) => {
            return gaps.length === 0 && records.every(({ fault }) => fault === null)
          })
          // Only a batch that is read may lack records: what is set aside, or is a marker, accounts for all of it.
          expect(isRead ? new Set(found).size : 302).toBe(found.length)
          expect(found.at(-1)).toBe(301n)
          const values = all.flatMap(({ records }) => records).map(({ value }) => value?.length ?? 0)
          expect(values.reduce((sum, length) => sum + length, 0)).toBeLessThan(2 * batch.length)
        },
      ),
    )
  })
})

interface AnyBatch {
  readonly skip: number
  readonly tail: number
  readonly codec: 0 | 1
  readonly records: readonly {
    readonly skip: number
    readonly key: Uint8Array | null
    readonly value: Uint8Array | null
  }[]
}

function build(specs: readonly AnyBatch[]) {
  let next = 0n
  const records: { offset: bigint; key: Buffer | null; value: Buffer | null }[] = []
  const batches = specs.map(({ skip, tail, codec, records: own }) => {
    const base = next + BigInt(skip)
    let delta = 0
    const made: RecordSpec[] = own.map((one, i) => {
      delta += i === 0 ? one.skip : one.skip + 1
      const key = one.key === null ? null : Buffer.from(one.key)
      const bytes = one.value === null ? null : Buffer.from(one.value)
      records.push({ offset: base + BigInt(delta), key, value: bytes })
      return { delta, key, value: bytes }
    })
    const spec: BatchSpec = { base, records: made, lastOffsetDelta: delta + tail, codec }
    next = base + BigInt(delta + tail) + 1n
    return buildBatch(spec)
  })
  return { log: Buffer.concat(batches), records, next }
}
