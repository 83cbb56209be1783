import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DamageWatch } from '../../../../../consumers/kafka/fetch/damage-watch.ts'
import { PartitionFeed } from '../../../../../consumers/kafka/fetch/partition-feed.ts'
import { SlicesInHand } from '../../../../../consumers/kafka/fetch/slices-in-hand.ts'
import type { FetchedRecord } from '../../../../../consumers/kafka/protocol/record-reader.ts'
import { systemClock } from '../../../../../runtime/clock.ts'
import { BATCH_FIELD } from '../../../../../runtime/kafka-wire/batch-header.ts'
import { buildBatch } from '../protocol/batch-builder.ts'

const ref = { topic: 't', topicId: '0b2e8a1c-1111-4222-8333-444455556666', partition: 0 }
const CORRUPT = expect.objectContaining({ code: 'DAYBOOK_KAFKA_BATCH_CORRUPT', scope: 'partition' })

/** Three records a batch, from offset `base` on. */
function batch(base: number): Buffer {
  const records = [0, 1, 2].map((delta) => ({ delta, value: Buffer.from(`value ${base + delta}`) }))
  return buildBatch({ base: BigInt(base), records })
}

function changed(bytes: Buffer, at: number, bit = 0): Buffer {
  const copy = Buffer.from(bytes)
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << bit), at)
  return copy
}

const VALUE_AT = 75

/** A broker with these batches, whose answers go through `onTheWay`, read to the end. */
async function read(log: readonly Buffer[], onTheWay: (answer: Buffer, number: number) => Buffer) {
  const records: FetchedRecord[] = []
  const failures: unknown[] = []
  const asked: bigint[] = []
  const feed = new PartitionFeed({
    ref,
    position: 0n,
    inHand: new SlicesInHand(systemClock),
    limits: { maxSliceBytes: 1, maxBatchBytes: 10_000 },
    handOver: async (taken) => {
      records.push(...taken.records)
    },
    owner: {
      generation: 1,
      signal: new AbortController().signal,
      onRoom: () => {},
      giveWay: async () => {},
      onFailure: (_, error) => failures.push(error),
    },
  })
  const end = BigInt(log.length * 3)
  while (feed.position < end && failures.length === 0 && asked.length < 20) {
    asked.push(feed.position)
    const left = log.slice(Number(feed.position) / 3)
    const recordBatches = onTheWay(Buffer.concat(left), asked.length)
    const facts = { topicId: ref.topicId, partition: 0, errorCode: 0, logStart: 0n, cutAt: null, aborted: [] }
    try {
      feed.take({ ...facts, highWatermark: end, readableEnd: end, recordBatches }, asked.length)
    } catch (error) {
      failures.push(error)
    }
    await feed.settled()
  }
  return { records, failures, asked }
}

const log = [batch(0), batch(3), batch(6)]
const BATCH_BYTES = batch(0).length
const values = Array.from({ length: 9 }, (_, offset) => `value ${offset}`)

describe('a batch that was changed on its way', () => {
  it('is fetched again and read; what came before it is handed over once', async () => {
    const { records, asked, failures } = await read(log, (answer, number) => {
      return number === 1 ? changed(answer, BATCH_BYTES + VALUE_AT) : answer
    })
    expect(records.map(({ fault, value }) => [fault, value?.toString()])).toEqual(
      values.map((value) => [null, value]),
    )
    expect([asked, failures]).toEqual([[0n, 3n], []])
  })

  it('costs nothing, whichever bit it is', async () => {
    const bits = BATCH_BYTES * log.length * 8
    await fc.assert(
      fc.asyncProperty(fc.nat(bits - 1), async (bit) => {
        const { records, failures } = await read(log, (answer, number) => {
          return number === 1 ? changed(answer, bit >> 3, bit & 7) : answer
        })
        expect(failures).toEqual([])
        expect(records.map(({ offset, fault, value }) => [offset, fault, value?.toString()])).toEqual(
          values.map((value, offset) => [BigInt(offset), null, value]),
        )
      }),
      { numRuns: 500 },
    )
  })

  it('stops its partition where it comes otherwise each time', async () => {
    const { records, failures, asked } = await read(log, (answer, number) =>
      changed(answer, VALUE_AT, number),
    )
    expect([records, failures, asked.length]).toEqual([[], [CORRUPT], 5])
  })
})

describe('a batch that is damaged in the log', () => {
  it('is set aside when it came with the same bytes twice, and all such batches of an answer with it', async () => {
    const damaged = [batch(0), changed(batch(3), VALUE_AT), changed(batch(6), VALUE_AT), batch(9)]
    const { records, failures, asked } = await read(damaged, (answer) => answer)
    expect(records.map(({ offset, fault }) => [offset, fault?.code])).toEqual([
      ...[0n, 1n, 2n].map((offset) => [offset, undefined]),
      ...[3n, 6n].map((offset) => [offset, 'CORRUPT_BATCH']),
      ...[9n, 10n, 11n].map((offset) => [offset, undefined]),
    ])
    expect([failures, asked]).toEqual([[], [0n, 3n]])
  })

  it('does not reach beyond the next one, be that damaged on its way just then', async () => {
    const long = changed(batch(0), BATCH_FIELD.lastOffsetDelta + 3, 2)
    const { records, failures } = await read([long, batch(3), batch(6)], (answer, number) => {
      return number === 2 ? changed(answer, BATCH_BYTES + VALUE_AT) : answer
    })
    expect(records.map(({ offset, fault }) => [offset, fault?.code])).toEqual([
      [0n, 'CORRUPT_BATCH'],
      ...[3n, 4n, 5n, 6n, 7n, 8n].map((offset) => [offset, undefined]),
    ])
    expect(failures).toEqual([])
  })
})

describe('a damaged batch that stands alone in its answer', () => {
  const long = changed(batch(0), BATCH_FIELD.lastOffsetDelta + 3, 2)

  it('is fetched with more room until the one behind it says where it ends', () => {
    const watch = new DamageWatch(ref)
    const stretch = { from: 0n, readableEnd: 9n }
    expect(watch.leastFetchBytes).toBe(0)
    for (let at = 0; at < 2; at++) expect(watch.examine(long, stretch).recordBatches.length).toBe(0)
    expect(watch.leastFetchBytes).toBeGreaterThan(long.length)
    const examined = watch.examine(Buffer.concat([long, batch(3)]), stretch)
    expect([examined.recordBatches.length, [...examined.damagedAt]]).toEqual([2 * BATCH_BYTES, [0]])
    expect(watch.leastFetchBytes).toBe(0)
  })

  it('stops the partition where nothing behind it ever comes, and is believed at the end of the log', () => {
    const watch = new DamageWatch(ref)
    const examine = () => watch.examine(long, { from: 0n, readableEnd: 9n })
    expect(() => Array.from({ length: 5 }, examine)).toThrow(CORRUPT)
    const last = new DamageWatch(ref)
    const stretch = { from: 0n, readableEnd: 3n }
    expect(last.examine(changed(batch(0), VALUE_AT), stretch).recordBatches.length).toBe(0)
    expect(last.examine(changed(batch(0), VALUE_AT), stretch).recordBatches.length).toBe(BATCH_BYTES)
  })
})

it('an answer without one whole batch is asked for again only so often', () => {
  const watch = new DamageWatch(ref)
  const examine = () => watch.examine(batch(0).subarray(0, 40), { from: 0n, readableEnd: 9n })
  expect(() => Array.from({ length: 5 }, examine)).toThrow(CORRUPT)
})

it('a hole in the log is believed when it was seen twice', () => {
  const watch = new DamageWatch(ref)
  const answer = Buffer.concat([batch(0), batch(6)])
  expect(watch.examine(answer, { from: 0n, readableEnd: 9n }).recordBatches.length).toBe(BATCH_BYTES)
  expect(watch.examine(batch(6), { from: 3n, readableEnd: 9n }).recordBatches.length).toBe(BATCH_BYTES)
})

it('a fetch that begins in the midst of a batch, as the first one does, costs one more and gives that batch', () => {
  const watch = new DamageWatch(ref)
  const answer = Buffer.concat(log)
  expect(watch.examine(answer, { from: 2n, readableEnd: 9n }).recordBatches.length).toBe(0)
  expect(watch.examine(answer, { from: 2n, readableEnd: 9n }).recordBatches.length).toBe(answer.length)
})
