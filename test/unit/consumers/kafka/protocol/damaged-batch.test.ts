import { describe, expect, it } from 'vitest'
import { endOfBatches } from '../../../../../consumers/kafka/protocol/batch-extents.ts'
import { slices } from '../../../../../consumers/kafka/protocol/record-batch.ts'
import type { DecodedSlice } from '../../../../../consumers/kafka/protocol/slice.ts'
import { sealed } from '../../../../support/raw-produce.ts'
import { buildBatch, buildMarker } from './batch-builder.ts'
import { decode, MIB, offsets, plain, value } from './decode-batches.ts'

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
  it.each<[string, Buffer, number | null]>([
    ['whose offsets do not rise', buildBatch({ base: 4n, records: [text(0), text(0), text(2)] }), null],
    ['whose offsets fall', buildBatch({ base: 4n, records: [text(2), text(1)], lastOffsetDelta: 2 }), null],
    [
      'whose offsets go beyond it',
      buildBatch({ base: 4n, records: [text(0), text(9)], lastOffsetDelta: 2 }),
      null,
    ],
    ['that does not match its checksum', changed((batch) => batch.writeUInt8(0x77, 70), false), null],
    ['with more bytes than records', changed((batch) => batch.writeInt32BE(2, 57)), 9_000],
    ['with fewer bytes than records', changed((batch) => batch.writeInt32BE(4, 57)), 9_000],
    ['of fewer than no records', changed((batch) => batch.writeInt32BE(-1, 57)), 9_000],
    ['of a codec that is not defined', changed((batch) => batch.writeInt16BE(8 + 7, 21)), 9_000],
    ['that is not what its codec says', changed((batch) => batch.writeInt16BE(8 + 1, 21)), 9_000],
    ['with a record longer than it says', changed((batch) => batch.writeUInt8(0x12, 61)), 9_000],
    ['with a key longer than its record', changed((batch) => batch.writeUInt8(0x7e, 65)), 9_000],
    ['with fewer headers than it says', changed((batch) => batch.writeUInt8(0x02, 69)), 9_000],
  ])('%s is set aside whole and costs no neighbour', (_, broken, brokerTime) => {
    const [slice] = decode(Buffer.concat([plain(0n, 0, 1), broken, plain(8n, 0, 1)]), {
      maxSliceBytes: 2 * MIB,
    })
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
    expect(slice?.gaps).toEqual([{ first: 5n, last: 6n, reason: 'quarantined', brokerTime }])
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
    expect(slice?.gaps).toEqual([{ first: 4n, last: 5n, reason: 'quarantined', brokerTime: null }])
  })

  it('has an end that the next batch shows, where damage says otherwise', () => {
    const damaged = changed((batch) => batch.writeInt32BE(1_000_000, 23), false)
    const [slice] = decode(Buffer.concat([damaged, plain(7n, 0)]), { from: 4n })
    expect(faults(slice)).toEqual([
      [4n, 'CORRUPT_BATCH'],
      [7n, undefined],
    ])
    expect(slice?.gaps).toEqual([{ first: 5n, last: 6n, reason: 'quarantined', brokerTime: null }])
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
