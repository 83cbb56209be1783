import { expect, it } from 'vitest'
import type { SourceBatch } from '../../../../../consumers/engine/contracts.ts'
import { SourceRecord } from '../../../../../consumers/engine/source-record.ts'
import { LoopTurns } from '../../../../../consumers/kafka/fetch/loop-turns.ts'
import { type FeedOwner, PartitionFeed } from '../../../../../consumers/kafka/fetch/partition-feed.ts'
import { SlicesInHand } from '../../../../../consumers/kafka/fetch/slices-in-hand.ts'
import { systemClock } from '../../../../../runtime/clock.ts'
import { BATCH_FIELD } from '../../../../../runtime/kafka-wire/batch-header.ts'
import { buildBatch } from '../protocol/batch-builder.ts'

const MIB = 1024 * 1024
const ref = { topic: 't', topicId: '0b2e8a1c-1111-4222-8333-444455556666', partition: 0 }

const fetched = (first: number, count: number) =>
  answerOf(
    Array.from({ length: count }, () => Buffer.alloc(100)),
    first,
  )

/** Each value in a batch of its own. */
function answerOf(values: readonly Buffer[], first = 0) {
  const batches = values.map((value, i) => {
    return buildBatch({ base: BigInt(first + i), records: [{ delta: 0, value }] })
  })
  const answer = { topicId: ref.topicId, partition: 0, errorCode: 0, logStart: 0n, cutAt: null, aborted: [] }
  return { ...answer, highWatermark: 100n, readableEnd: 100n, recordBatches: Buffer.concat(batches) }
}

/** A slice of one record that holds so much. */
function sliceOf(bytes: number) {
  const record = new SourceRecord(0n, 0, Buffer.alloc(bytes), -1, -1, 0, bytes)
  return { first: 0n, last: 0n, records: [record], gaps: [], batches: [] }
}

function start(onBatch: (batch: SourceBatch) => Promise<void>, inHand = new SlicesInHand(systemClock)) {
  const over = new AbortController()
  const failures: unknown[] = []
  const taken: SourceBatch[] = []
  const turns = new LoopTurns()
  const owner: FeedOwner = {
    generation: 1,
    signal: over.signal,
    onRoom: () => {},
    onFailure: (_, error) => failures.push(error),
    giveWay: (busyMs, records) => turns.giveWay(busyMs, records),
  }
  const feed = new PartitionFeed({
    ref,
    position: 0n,
    inHand,
    limits: { maxSliceBytes: 1, maxBatchBytes: 10_000 },
    handOver: async (batch) => {
      taken.push(batch)
      await onBatch(batch)
    },
    owner,
  })
  return { feed, owner, over, taken, failures }
}

it('hands nothing of a generation over once that generation has ended, in the midst of an answer too', async () => {
  const { feed, over, taken, failures } = start(async () => over.abort())
  feed.take(fetched(0, 3), 1)
  feed.take(fetched(3, 3), 1)
  await feed.settled()
  expect([taken.map(({ first }) => first), failures]).toEqual([[0n], []])
})

it('hands over what comes before a batch whose end cannot be told, and reports that one when it came twice', async () => {
  const { feed, taken, failures } = start(async () => undefined)
  const answer = fetched(0, 2)
  answer.recordBatches.writeInt32BE(-1, answer.recordBatches.length / 2 + 8)
  const rest = { ...answer, recordBatches: answer.recordBatches.subarray(answer.recordBatches.length / 2) }
  feed.take(answer, 1)
  await feed.settled()
  expect([taken.map(({ last }) => last), feed.position, failures]).toEqual([[0n], 1n, []])
  feed.take(rest, 1)
  await feed.settled()
  const corrupt = expect.objectContaining({ code: 'DAYBOOK_KAFKA_BATCH_CORRUPT', scope: 'partition' })
  expect([taken.length, failures, feed.position]).toEqual([1, [corrupt], 1n])
})

it('hands answers over one after the other and holds two at most', async () => {
  const gate = Promise.withResolvers<void>()
  const { feed, taken } = start(() => gate.promise)
  feed.take(fetched(0, 2), 1)
  expect([feed.canFetch(false), feed.canFetch(true)]).toEqual([true, false])
  feed.take(fetched(2, 2), 1)
  expect(feed.canFetch(false)).toBe(false)
  expect(feed.position).toBe(4n)
  expect(feed.packedBytes).toBe(2 * fetched(0, 2).recordBatches.length)
  gate.resolve()
  await feed.settled()
  expect([feed.canFetch(true), feed.packedBytes]).toEqual([true, 0])
  expect(taken.map(({ first }) => first)).toEqual([0n, 1n, 2n, 3n])
})

it('unpacks nothing while it is paused', async () => {
  const { feed, taken } = start(async () => undefined)
  feed.pause()
  feed.take(fetched(0, 2), 1)
  await new Promise((resolve) => setImmediate(resolve))
  expect(taken).toEqual([])
  feed.resume()
  await feed.settled()
  expect(taken).toHaveLength(2)
})

it('unpacks nothing while the slices of others take the memory for it, and goes on once they are handed over', async () => {
  const inHand = new SlicesInHand(systemClock)
  const others = inHand.add(sliceOf(32 * MIB), () => undefined)
  const { feed, taken } = start(async () => undefined, inHand)
  feed.take(fetched(0, 1), 1)
  await new Promise((resolve) => setImmediate(resolve))
  expect(taken).toEqual([])
  others.handedOver()
  await feed.settled()
  expect(taken).toHaveLength(1)
})

it('leaves room to small answers where its own is seen to be large before it is unpacked', async () => {
  const inHand = new SlicesInHand(systemClock)
  inHand.add(sliceOf(16 * MIB), () => undefined)
  const large = start(async () => undefined, inHand)
  large.feed.take(answerOf([Buffer.alloc(2 * MIB)]), 1)
  const small = start(async () => undefined, inHand)
  small.feed.take(fetched(0, 1), 1)
  await small.feed.settled()
  expect([small.taken.length, large.taken.length]).toEqual([1, 0])
})

it('counts as one of large slices also where small ones lie between them', async () => {
  const inHand = new SlicesInHand(systemClock)
  const gate = Promise.withResolvers<void>()
  const { feed, taken } = start(async () => undefined, inHand)
  feed.take(answerOf([Buffer.alloc(16 * 2 ** 20), Buffer.alloc(100)]), 1)
  await feed.settled()
  const other = start(() => gate.promise, inHand)
  other.feed.take(answerOf([Buffer.alloc(30 * 2 ** 20)]), 1)
  await new Promise((resolve) => setImmediate(resolve))
  feed.take(fetched(2, 1), 1)
  const small = start(async () => undefined, inHand)
  small.feed.take(fetched(0, 1), 1)
  await small.feed.settled()
  expect([small.taken.length, taken.length]).toEqual([1, 2])
  gate.resolve()
  await feed.settled()
  expect(taken).toHaveLength(3)
})

it('goes on in another generation with what it holds', async () => {
  const gate = Promise.withResolvers<void>()
  const { feed, owner, over, taken } = start(() => gate.promise)
  feed.take(fetched(0, 2), 1)
  await new Promise((resolve) => setImmediate(resolve))
  feed.moveTo({ ...owner, generation: 2, signal: new AbortController().signal })
  over.abort()
  gate.resolve()
  await feed.settled()
  expect(taken.map(({ first, generation }) => `${first} in ${generation}`)).toEqual(['0 in 1', '1 in 2'])
})

it('hands nothing over once it is closed', async () => {
  const gate = Promise.withResolvers<void>()
  const { feed, taken } = start(() => gate.promise)
  feed.take(fetched(0, 2), 1)
  await Promise.resolve()
  feed.close()
  gate.resolve()
  await feed.settled()
  expect(taken).toHaveLength(1)
})

it('is not fetched between a refusal and the end of its pause, and the pauses grow until it is served', () => {
  const { feed } = start(async () => undefined)
  expect(feed.canFetch(false)).toBe(true)
  const first = feed.rest(1_000)
  expect([feed.canFetch(false), first.since]).toEqual([false, 1_000])
  feed.rested()
  expect(feed.canFetch(false)).toBe(true)
  const many = Array.from({ length: 10 }, (_, at) => feed.rest(2_000 + at))
  expect(many.at(-1)).toMatchObject({ since: 1_000 })
  expect(many.at(-1)?.delayMs).toBeGreaterThan(first.delayMs)
  feed.rested()
  feed.take(fetched(0, 1), 1)
  expect(feed.rest(9_000)).toMatchObject({ since: 9_000 })
})

it('lets the event loop have its turns while much is handed over that needs nothing to wait for', async () => {
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
  }, 1)
  const { feed, taken } = start(async () => {
    for (const until = performance.now() + 5; performance.now() < until; );
  })
  feed.take(fetched(0, 40), 1)
  await feed.settled()
  clearInterval(timer)
  expect(taken).toHaveLength(40)
  expect(turns).toBeGreaterThan(5)
})

it('says to which epoch what it has read belongs, and takes nothing of a log that was cut below that', async () => {
  const { feed, taken } = start(async () => undefined)
  expect(feed.epoch).toBe(-1)
  const answer = fetched(0, 2)
  for (const [at, epoch] of [4, 7].entries())
    answer.recordBatches.writeInt32BE(epoch, (at * answer.recordBatches.length) / 2 + BATCH_FIELD.leaderEpoch)
  feed.take(answer, 1)
  await feed.settled()
  expect([feed.position, feed.epoch]).toEqual([2n, 7])
  expect(() => feed.take({ ...fetched(2, 2), cutAt: 1n }, 2)).toThrow('was cut at offset 1')
  await feed.settled()
  expect(taken.map(({ last }) => last)).toEqual([0n, 1n])
})

it('hands over what was fetched before it is said to have failed', async () => {
  const gate = Promise.withResolvers<void>()
  const { feed, taken, failures } = start(() => gate.promise)
  feed.take(fetched(0, 2), 1)
  const cut = new Error('the log was cut')
  feed.fail(cut)
  expect([feed.canFetch(false), failures]).toEqual([false, []])
  gate.resolve()
  await feed.settled()
  expect([taken.map(({ last }) => last), failures]).toEqual([[0n, 1n], [cut]])
})

it('gives way where what it has handed over is kept for long, and others need the room', async () => {
  const time = { now: 0 }
  const inHand = new SlicesInHand({ now: () => time.now, sleep: () => new Promise(() => undefined) })
  const never = new Promise<void>(() => undefined)
  const first = start(() => never, inHand)
  first.feed.take(answerOf([Buffer.alloc(40 * MIB)]), 1)
  await expect.poll(() => first.taken.length).toBe(1)
  inHand.add(sliceOf(36 * MIB), () => undefined)
  const second = start(async () => undefined, inHand)
  second.feed.take(fetched(0, 1), 1)
  expect([first.failures, second.taken]).toEqual([[], []])
  time.now = 10_000
  second.feed.resume()
  await expect
    .poll(() => first.failures)
    .toEqual([expect.objectContaining({ code: 'DAYBOOK_ENGINE_GAVE_WAY' })])
})
