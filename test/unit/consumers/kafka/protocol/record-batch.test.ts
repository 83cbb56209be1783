import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endOfBatches } from '../../../../../consumers/kafka/protocol/batch-extents.ts'
import { type SliceOptions, slices } from '../../../../../consumers/kafka/protocol/record-batch.ts'
import type { DecodedSlice } from '../../../../../consumers/kafka/protocol/slice.ts'
import { contentOf } from '../../../../support/records.ts'
import { type BatchSpec, buildBatch, buildMarker, type RecordSpec, sealed } from './batch-builder.ts'

const MIB = 1024 * 1024

function decode(recordBatches: Buffer, options: Partial<SliceOptions> = {}): DecodedSlice[] {
  const defaults = { topic: 't', partition: 0, from: 0n, aborted: [], maxSliceBytes: MIB, maxBatchBytes: MIB }
  return [...slices({ ...defaults, recordBatches, ...options })]
}

/** The offsets of records and gaps in order, each once. */
function offsets(all: readonly DecodedSlice[]): bigint[] {
  const found = all.flatMap(({ records, gaps }) => [
    ...records.map(({ offset }) => offset),
    ...gaps.flatMap(({ first, last }) => {
      return Array.from({ length: Number(last - first) + 1 }, (_, i) => first + BigInt(i))
    }),
  ])
  return found.toSorted((a, b) => (a < b ? -1 : 1))
}

const value = (text: string): Buffer => Buffer.from(text)
const plain = (base: bigint, ...deltas: number[]) =>
  buildBatch({ base, records: deltas.map((delta) => ({ delta, value: value(`v${base + BigInt(delta)}`) })) })

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

  it('leaves out what lies below the offset that was asked for', () => {
    const [slice] = decode(plain(5n, 0, 1, 2, 3), { from: 7n })
    expect(slice?.first).toBe(7n)
    expect(slice?.records.map(({ offset }) => offset)).toEqual([7n, 8n])
  })

  it('names absent offsets before, within, after and between batches', () => {
    const first = buildBatch({ base: 2n, records: [{ delta: 0 }, { delta: 3 }], lastOffsetDelta: 5 })
    const [slice] = decode(Buffer.concat([first, plain(10n, 0)]))
    expect(slice?.gaps).toEqual([
      { first: 0n, last: 1n, reason: 'absent' },
      { first: 3n, last: 4n, reason: 'absent' },
      { first: 6n, last: 9n, reason: 'absent' },
    ])
    expect([slice?.first, slice?.last]).toEqual([0n, 10n])
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
      expect(endOfBatches(whole.subarray(0, bytes))).toEqual({ next: 1n, isSound: true })
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
    const [slice] = decode(log, { from: 4n, maxBatchBytes: MIB })
    expect(slice?.records.map(({ offset, fault }) => [offset, fault?.code])).toEqual([
      [4n, undefined],
      [5n, 'OVERSIZED'],
      [105n, undefined],
    ])
    expect(slice?.records[1]).toMatchObject({ appendTime: 1_234, key: null, value: bomb })
    expect(slice?.gaps).toEqual([{ first: 6n, last: 104n, reason: 'quarantined' }])
  })

  it('is only a gap where its first offset was dealt with before', () => {
    const [slice] = decode(log, { from: 50n, maxBatchBytes: MIB })
    expect(slice?.records.map(({ offset }) => offset)).toEqual([105n])
    expect(slice?.gaps).toEqual([{ first: 50n, last: 104n, reason: 'quarantined' }])
  })
})

describe('decoding any log', () => {
  it('covers every offset from the first asked to the end of the last batch, with every record in place', () => {
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
          expect(offsets(all)).toEqual(
            Array.from({ length: Number(next - from) }, (_, i) => from + BigInt(i)),
          )
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
          const offsetsFound = offsets(all)
          expect([offsetsFound.length, offsetsFound.at(-1)]).toEqual([302, 301n])
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

/** The records of a slice with what is said of them. */
const faults = (slice: DecodedSlice | undefined) =>
  slice?.records.map(({ offset, fault }) => [offset, fault?.code])

describe('a batch that cannot be taken apart', () => {
  const text = (delta: number) => ({ delta, value: value(`v${delta}`) })
  const three = [text(0), text(1), text(2)]
  const changed = (change: (batch: Buffer) => void, seal = true): Buffer => {
    const batch = buildBatch({ base: 4n, records: three, appendTime: 9_000 })
    change(batch)
    return seal ? sealed(batch) : batch
  }
  it.each<[string, Buffer]>([
    ['whose offsets do not rise', buildBatch({ base: 4n, records: [text(0), text(0), text(2)] })],
    ['whose offsets fall', buildBatch({ base: 4n, records: [text(2), text(1)], lastOffsetDelta: 2 })],
    ['whose offsets go beyond it', buildBatch({ base: 4n, records: [text(0), text(9)], lastOffsetDelta: 2 })],
    ['that does not match its checksum', changed((batch) => batch.writeUInt8(0x77, 70), false)],
    ['with more bytes than records', changed((batch) => batch.writeInt32BE(2, 57))],
    ['with fewer bytes than records', changed((batch) => batch.writeInt32BE(4, 57))],
    ['of fewer than no records', changed((batch) => batch.writeInt32BE(-1, 57))],
    ['of a codec that is not defined', changed((batch) => batch.writeInt16BE(8 + 7, 21))],
    ['that is not what its codec says', changed((batch) => batch.writeInt16BE(8 + 1, 21))],
    ['with a record longer than it says', changed((batch) => batch.writeUInt8(0x12, 61))],
    ['with a key longer than its record', changed((batch) => batch.writeUInt8(0x7e, 65))],
    ['with fewer headers than it says', changed((batch) => batch.writeUInt8(0x02, 69))],
  ])('%s is set aside whole and costs no neighbour', (_, broken) => {
    const [slice] = decode(Buffer.concat([plain(0n, 0, 1), broken, plain(8n, 0, 1)]))
    expect(faults(slice)).toEqual([
      [0n, undefined],
      [1n, undefined],
      [4n, 'CORRUPT_BATCH'],
      [8n, undefined],
      [9n, undefined],
    ])
    expect(slice?.records[2]?.value).toEqual(broken)
    expect(slice?.batches.map(({ first, last }) => [first, last])).toEqual([
      [0n, 1n],
      [4n, 6n],
      [8n, 9n],
    ])
    expect(slice?.gaps).toEqual([
      { first: 2n, last: 3n, reason: 'absent' },
      { first: 5n, last: 6n, reason: 'quarantined' },
      { first: 7n, last: 7n, reason: 'absent' },
    ])
  })

  it('of an older record format is set aside, where it is compressed with the offsets that nothing else holds', () => {
    const old = (offset: bigint, attributes: number) => {
      const entry = Buffer.alloc(40)
      entry.writeBigInt64BE(offset, 0)
      entry.writeInt32BE(28, 8)
      entry.writeInt8(1, 16)
      entry.writeInt8(attributes, 17)
      entry.writeBigInt64BE(1_234n, 18)
      return entry
    }
    const [slice] = decode(Buffer.concat([plain(0n, 0), old(2n, 0), old(5n, 1), plain(6n, 0)]))
    expect(faults(slice)).toEqual([
      [0n, undefined],
      [2n, 'CORRUPT_BATCH'],
      [3n, 'CORRUPT_BATCH'],
      [6n, undefined],
    ])
    expect(slice?.records[1]).toMatchObject({ appendTime: 1_234, hasProducerTime: true })
    expect(slice?.gaps).toEqual([
      { first: 1n, last: 1n, reason: 'absent' },
      { first: 4n, last: 5n, reason: 'quarantined' },
    ])
  })

  it('has an end that the next batch shows, where damage says otherwise', () => {
    const damaged = changed((batch) => batch.writeInt32BE(1_000_000, 23), false)
    const [slice] = decode(Buffer.concat([damaged, plain(7n, 0)]), { from: 4n })
    expect(faults(slice)).toEqual([
      [4n, 'CORRUPT_BATCH'],
      [7n, undefined],
    ])
    expect(slice?.gaps).toEqual([{ first: 5n, last: 6n, reason: 'quarantined' }])
    expect(slice?.records[0]?.hasProducerTime).toBe(true)
  })

  it('ends an aborted transaction when it is the marker, so that the next one is read', () => {
    const data = (base: bigint) =>
      buildBatch({ base, producerId: 1n, isTransactional: true, records: [{ delta: 0, value: value('t') }] })
    const marker = buildMarker(1n, 1n, 'abort')
    marker.writeInt32BE(7, 57)
    const log = Buffer.concat([data(0n), sealed(marker), data(2n)])
    const [slice] = decode(log, { aborted: [{ producerId: 1n, firstOffset: 0n }] })
    expect(faults(slice)).toEqual([
      [1n, 'CORRUPT_BATCH'],
      [2n, undefined],
    ])
    expect(slice?.gaps).toEqual([{ first: 0n, last: 0n, reason: 'aborted' }])
  })
})

describe('an answer in which the end of a batch cannot be told', () => {
  const CORRUPT = expect.objectContaining({ code: 'DAYBOOK_KAFKA_BATCH_CORRUPT', scope: 'partition' })
  const broken = (change: (batch: Buffer) => void): Buffer => {
    const batch = plain(2n, 0)
    change(batch)
    return batch
  }
  it.each<[string, Buffer, bigint | null]>([
    ['a length less than a header', broken((batch) => batch.writeInt32BE(48, 8)), 2n],
    ['a negative length', broken((batch) => batch.writeInt32BE(-1, 8)), 2n],
    ['a format from the future', broken((batch) => batch.writeInt8(3, 16)), 2n],
    ['a last offset before the first', sealed(broken((batch) => batch.writeInt32BE(-1, 23))), 2n],
    ['a first offset that goes back', plain(1n, 0), 2n],
    ['a damaged end beyond the log', broken((batch) => batch.writeInt32BE(99, 23)), 102n],
  ])('gives what comes before it, then says so: %s', (_, second, next) => {
    const log = Buffer.concat([plain(0n, 0, 1), second])
    const reader = slices({
      ...{ topic: 't', partition: 0, from: 0n, aborted: [], maxSliceBytes: MIB, maxBatchBytes: MIB },
      recordBatches: log,
      highWatermark: 50n,
    })
    const given: DecodedSlice[] = []
    expect(() => {
      for (const slice of reader) given.push(slice)
    }).toThrow(CORRUPT)
    expect(offsets(given)).toEqual(second.readBigInt64BE(0) === 1n ? [] : [0n, 1n])
    expect(endOfBatches(log).next).toBe(next)
  })
})
