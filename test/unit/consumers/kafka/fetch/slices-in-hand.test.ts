import { expect, it } from 'vitest'
import { SourceRecord } from '../../../../../consumers/engine/source-record.ts'
import { SlicesInHand } from '../../../../../consumers/kafka/fetch/slices-in-hand.ts'
import type { DecodedSlice } from '../../../../../consumers/kafka/protocol/slice.ts'

const MIB = 1024 * 1024
const STUCK_MS = 10_000

/** A slice of one record, which holds so much. */
function sliceOf(bytes: number): DecodedSlice {
  const record = new SourceRecord(0n, 0, Buffer.alloc(bytes), -1, -1, 0, bytes)
  return { first: 0n, last: 0n, records: [record], gaps: [], batches: [] }
}

function started() {
  const time = { now: 0 }
  const inHand = new SlicesInHand({ now: () => time.now, sleep: () => Promise.resolve() })
  /** Names of slices that were asked to give way. */
  const asked: string[] = []
  const add = (slice: DecodedSlice, name = '') => inHand.add(slice, () => asked.push(name))
  return { time, inHand, asked, add }
}

it('lets small partitions unpack after large ones have taken their part', () => {
  const { inHand, add } = started()
  const large = add(sliceOf(24 * MIB))
  expect([inHand.hasRoom(2 * MIB), inHand.hasRoom(MIB)]).toEqual([false, true])
  add(sliceOf(24 * MIB))
  expect(inHand.hasRoom(0)).toBe(false)
  large.handedOver()
  expect(inHand.hasRoom(0)).toBe(true)
})

it('counts records, however few bytes they have', () => {
  const { inHand, add } = started()
  const [record] = sliceOf(0).records
  const records = Array.from({ length: 100_000 }, () => record as SourceRecord)
  expect(add({ ...sliceOf(0), records }).bytes).toBeGreaterThan(24 * MIB)
  expect(inHand.hasRoom(2 * MIB)).toBe(false)
})

it('does not make others wait for what is stuck, up to a bound', () => {
  const { time, inHand, add } = started()
  add(sliceOf(48 * MIB))
  time.now = STUCK_MS - 1
  expect(inHand.hasRoom(0)).toBe(false)
  time.now = STUCK_MS
  expect([inHand.hasRoom(0), inHand.hasRoom(2 * MIB)]).toEqual([true, true])
  add(sliceOf(24 * MIB))
  expect(inHand.hasRoom(0)).toBe(false)
})

it('asks the largest of those that are stuck to give way once they are in the way of others', () => {
  const { time, inHand, asked, add } = started()
  add(sliceOf(20 * MIB), 'small')
  const large = add(sliceOf(28 * MIB), 'large')
  time.now = STUCK_MS
  inHand.makeRoom()
  expect(asked).toEqual([])
  add(sliceOf(30 * MIB), 'new')
  expect(inHand.hasRoom(0)).toBe(false)
  inHand.makeRoom()
  expect(asked).toEqual(['large'])
  large.handedOver()
  expect(inHand.hasRoom(0)).toBe(true)
})
