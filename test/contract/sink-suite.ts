import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Claim, Delivery, PartitionRef, RangeOutcome, Sink } from '../../consumers/engine/contracts.ts'
import { ScriptedFailpoints } from '../support/scripted-failpoints.ts'
import { rangeOf, type Shape } from './sink-ranges.ts'

export interface StoredOffset {
  readonly offset: bigint
  readonly kind: 'event' | 'tombstone' | 'quarantined'
}

/** What a sink's engineer gives to the suite: the real sink, and a way to read the store without it. */
export interface SinkHarness {
  /**
   * `fence`: once a claim has returned, nothing of earlier claims is written. `create_only`: an earlier writer may
   * win a key once more, and the later claim's delivery is then `fenced`.
   */
  readonly exclusion: 'fence' | 'create_only'
  /** Another owner, as another process would be. It hits `failpoints` on its way. */
  sink(owner: string, failpoints: ScriptedFailpoints): Promise<Sink>
  /** Partitions of a topic that the store has never seen, ready to be written. */
  freshTopic(partitions: number): Promise<readonly PartitionRef[]>
  /** Values that the pipeline would meet at this offset, with the checker's verdict. */
  readonly record: Shape
  /**
   * Everything the store holds of `partition`, ascending, an offset that stands there twice listed twice.
   * Quarantined records only where the store keeps them in place.
   */
  readBack(partition: PartitionRef): Promise<readonly StoredOffset[]>
  readonly keepsQuarantined: boolean
  cleanup(): Promise<void>
}

const never = new AbortController().signal

/** The contract of `Sink`, as the engine relies on it. Runs over every implementation. */
export function sinkContract(name: string, make: () => Promise<SinkHarness>): void {
  describe(`${name} keeps the sink contract`, () => {
    let harness: SinkHarness
    const open: Sink[] = []

    beforeEach(async () => {
      harness = await make()
    })

    afterEach(async () => {
      await Promise.all(open.splice(0).map((sink) => sink.close()))
      await harness.cleanup()
    })

    async function owner(label: string): Promise<{ sink: Sink; failpoints: ScriptedFailpoints }> {
      const failpoints = new ScriptedFailpoints()
      const sink = await harness.sink(label, failpoints)
      open.push(sink)
      return { sink, failpoints }
    }

    async function freshPartition(): Promise<PartitionRef> {
      const [partition] = await harness.freshTopic(1)
      if (partition === undefined) throw new RangeError('freshTopic(1) gave no partition')
      return partition
    }

    const events = (claim: Claim, first: bigint, count: number): Delivery => ({
      claim,
      range: rangeOf(harness.record, claim.partition, first, 'e'.repeat(count)),
    })

    const offsets = async (partition: PartitionRef) =>
      (await harness.readBack(partition)).map((stored) => stored.offset)

    test('a fresh partition has an empty tip', async () => {
      const { sink } = await owner('a')
      const claim = await sink.claim(await freshPartition(), never)
      expect(await claim.tip()).toEqual({ last: null, lastRecord: null, acceptedLossThrough: null })
    })

    test('what was delivered is read back, and is the tip', async () => {
      const { sink } = await owner('a')
      const claim = await sink.claim(await freshPartition(), never)
      const first = events(claim, 0n, 5)
      expect(await sink.deliver([first], never)).toEqual(['delivered'])
      expect(await sink.deliver([events(claim, 5n, 3)], never)).toEqual(['delivered'])
      expect(await offsets(claim.partition)).toEqual([0n, 1n, 2n, 3n, 4n, 5n, 6n, 7n])
      expect((await claim.tip()).last).toBe(7n)
    })

    test('the tip names the last record by the fingerprint, for another owner too', async () => {
      const { sink } = await owner('a')
      const claim = await sink.claim(await freshPartition(), never)
      const delivery = events(claim, 0n, 4)
      await sink.deliver([delivery], never)
      const { sink: other } = await owner('b')
      const tip = await (await other.claim(claim.partition, never)).tip()
      const last = delivery.range.records[3]
      if (last === undefined) throw new RangeError('no record')
      expect(tip.last).toBe(3n)
      expect(tip.lastRecord?.offset).toBe(3n)
      expect(tip.lastRecord?.hash).toEqual(other.fingerprint(last, claim.partition))
    })

    test('the fingerprint tells offsets and values apart', async () => {
      const { sink } = await owner('a')
      const partition = await freshPartition()
      const prints = [0n, 1n, 2n].map((offset) =>
        sink.fingerprint(harness.record('event', offset), partition).toString('hex'),
      )
      expect(new Set(prints).size).toBe(3)
    })

    test('tombstones, bad records and gaps count as dealt with', async () => {
      const { sink } = await owner('a')
      const claim = await sink.claim(await freshPartition(), never)
      const range = rangeOf(harness.record, claim.partition, 0n, '-e.tbe-be')
      expect(await sink.deliver([{ claim, range }], never)).toEqual(['delivered'])
      expect((await claim.tip()).last).toBe(8n)
      const stored = await harness.readBack(claim.partition)
      const kept = stored.filter((one) => one.kind === 'quarantined').map((one) => one.offset)
      expect(kept).toEqual(harness.keepsQuarantined ? [4n, 7n] : [])
      const events = stored.filter((one) => one.kind === 'event').map((one) => one.offset)
      expect(events).toEqual([1n, 5n, 8n])
    })

    test('a range that ends with a bad record moves the tip to its end', async () => {
      const { sink } = await owner('a')
      const claim = await sink.claim(await freshPartition(), never)
      await sink.deliver([{ claim, range: rangeOf(harness.record, claim.partition, 0n, 'eeb') }], never)
      expect((await claim.tip()).last).toBe(2n)
      await sink.deliver([{ claim, range: rangeOf(harness.record, claim.partition, 3n, 'bbb') }], never)
      expect((await claim.tip()).last).toBe(5n)
      const { sink: other } = await owner('b')
      expect((await (await other.claim(claim.partition, never)).tip()).last).toBe(5n)
      expect(await sink.deliver([events(claim, 6n, 1)], never)).toEqual(
        harness.exclusion === 'fence' ? ['fenced'] : ['delivered'],
      )
    })

    test('a range of bad records alone is dealt with', async () => {
      const { sink } = await owner('a')
      const claim = await sink.claim(await freshPartition(), never)
      const range = rangeOf(harness.record, claim.partition, 0n, 'bb')
      expect(await sink.deliver([{ claim, range }], never)).toEqual(['delivered'])
      expect((await claim.tip()).last).toBe(1n)
      expect(await sink.deliver([events(claim, 2n, 2)], never)).toEqual(['delivered'])
    })

    test('a range that begins with an accepted loss is taken', async () => {
      const { sink } = await owner('a')
      const claim = await sink.claim(await freshPartition(), never)
      await sink.deliver([events(claim, 0n, 2)], never)
      const rest = rangeOf(harness.record, claim.partition, 5n, 'ee')
      const lost = { first: 2n, last: 4n, reason: 'lost_accepted' } as const
      const range = { ...rest, first: 2n, gaps: [lost] }
      expect(await sink.deliver([{ claim, range }], never)).toEqual(['delivered'])
      expect((await claim.tip()).last).toBe(6n)
      expect(await offsets(claim.partition)).toEqual([0n, 1n, 5n, 6n])
    })

    test('a delivery that failed before anything was sent can be repeated', async () => {
      const { sink, failpoints } = await owner('a')
      const claim = await sink.claim(await freshPartition(), never)
      failpoints.failAt('send.before')
      await expect(deliverOne(sink, events(claim, 0n, 3), never)).rejects.toThrow()
      expect((await claim.tip()).last).toBe(null)
      expect(await sink.deliver([events(claim, 0n, 3)], never)).toEqual(['delivered'])
      expect(await offsets(claim.partition)).toEqual([0n, 1n, 2n])
    })

    test.each(['send.after', 'effect.before', 'effect.after', 'answer.before', 'answer.after'] as const)(
      'after a failure at %s the tip tells what to repeat, and nothing stands twice',
      async (point) => {
        const { sink, failpoints } = await owner('a')
        const claim = await sink.claim(await freshPartition(), never)
        failpoints.failAt(point)
        await expect(deliverOne(sink, events(claim, 0n, 3), never)).rejects.toThrow()
        expect(failpoints.hits(point)).toBe(1)
        const { last } = await claim.tip()
        if (point.startsWith('answer')) expect(last).toBe(2n)
        if (last === null) expect(await sink.deliver([events(claim, 0n, 3)], never)).toEqual(['delivered'])
        else expect(last).toBe(2n)
        expect(await sink.deliver([events(claim, 3n, 1)], never)).toEqual(['delivered'])
        expect(await offsets(claim.partition)).toEqual([0n, 1n, 2n, 3n])
      },
    )

    test('a second claim fences the first: nothing of it is written', async () => {
      const { sink: a } = await owner('a')
      const { sink: b } = await owner('b')
      const partition = await freshPartition()
      const old = await a.claim(partition, never)
      const young = await b.claim(partition, never)
      if (harness.exclusion === 'fence') {
        expect(await a.deliver([events(old, 0n, 2)], never)).toEqual(['fenced'])
        expect(await offsets(partition)).toEqual([])
      }
      expect(await b.deliver([events(young, 0n, 3)], never)).toEqual(['delivered'])
      expect(await a.deliver([events(old, 0n, 5)], never)).toEqual(['fenced'])
      expect(await offsets(partition)).toEqual([0n, 1n, 2n])
    })

    test('a claim fences an earlier one of the same owner', async () => {
      const { sink } = await owner('a')
      const partition = await freshPartition()
      const old = await sink.claim(partition, never)
      const young = await sink.claim(partition, never)
      expect(await sink.deliver([events(young, 0n, 3)], never)).toEqual(['delivered'])
      expect(await sink.deliver([events(old, 0n, 5)], never)).toEqual(['fenced'])
      expect(await offsets(partition)).toEqual([0n, 1n, 2n])
    })

    test('a fenced owner goes on under a new claim', async () => {
      const { sink: a } = await owner('a')
      const { sink: b } = await owner('b')
      const old = await a.claim(await freshPartition(), never)
      const young = await b.claim(old.partition, never)
      await b.deliver([events(young, 0n, 2)], never)
      expect(await a.deliver([events(old, 0n, 4)], never)).toEqual(['fenced'])
      const again = await a.claim(old.partition, never)
      expect((await again.tip()).last).toBe(1n)
      expect(await a.deliver([events(again, 2n, 2)], never)).toEqual(['delivered'])
      expect(await offsets(old.partition)).toEqual([0n, 1n, 2n, 3n])
    })

    test.each(['send.before', 'send.after', 'effect.before', 'effect.after'] as const)(
      'an owner that stands still at %s while another takes over writes nothing twice',
      async (point) => {
        const { sink: a, failpoints } = await owner('a')
        const { sink: b } = await owner('b')
        const old = await a.claim(await freshPartition(), never)
        const stands = failpoints.holdAt(point)
        const zombie = outcomeOf(a.deliver([events(old, 0n, 4)], never))
        await stands.reached
        const young = await b.claim(old.partition, never)
        const { last } = await young.tip()
        const next = (last ?? -1n) + 1n
        const [taken] = await b.deliver([events(young, next, 3)], never)
        if (harness.exclusion === 'fence') expect(taken).toBe('delivered')
        stands.release()
        await zombie
        const stored = await offsets(old.partition)
        expect(stored).toEqual(stored.map((_, at) => BigInt(at)))
        expect(stored.length).toBe(Number(next) + 3)
      },
    )

    test('ranges of several partitions go in one call', async () => {
      const { sink } = await owner('a')
      const partitions = await harness.freshTopic(3)
      const claims = await Promise.all(partitions.map((partition) => sink.claim(partition, never)))
      const deliveries = claims.map((claim, at) => events(claim, 0n, at + 1))
      expect(await sink.deliver(deliveries, never)).toEqual(['delivered', 'delivered', 'delivered'])
      for (const [at, claim] of claims.entries()) expect((await claim.tip()).last).toBe(BigInt(at))
    })

    test('one fenced range of several harms only itself', async () => {
      const { sink: a } = await owner('a')
      const { sink: b } = await owner('b')
      const partitions = await harness.freshTopic(3)
      const claims = await Promise.all(partitions.map((partition) => a.claim(partition, never)))
      const [, middle] = partitions
      if (middle === undefined) throw new RangeError('no second partition')
      const thief = await b.claim(middle, never)
      expect(await b.deliver([events(thief, 0n, 1)], never)).toEqual(['delivered'])
      const deliveries = claims.map((claim) => events(claim, 0n, 2))
      expect(await a.deliver(deliveries, never)).toEqual(['delivered', 'fenced', 'delivered'])
      expect(await offsets(middle)).toEqual([0n])
    })

    test('a topic that was made again under the same name is refused', async () => {
      const { sink } = await owner('a')
      const claim = await sink.claim(await freshPartition(), never)
      await sink.deliver([events(claim, 0n, 1)], never)
      const topicId = '0c0ffee0-0000-4000-8000-00000000beef'
      await expect(sink.claim({ ...claim.partition, topicId }, never)).rejects.toMatchObject({
        code: expect.stringMatching(/_TOPIC_RECREATED$/),
        retryable: false,
      })
    })

    test('an aborted claim and an aborted delivery end, and leave a state that the tip tells', async () => {
      const { sink } = await owner('a')
      const partition = await freshPartition()
      await expect(sink.claim(partition, AbortSignal.abort())).rejects.toThrow()
      const claim = await sink.claim(partition, never)
      await expect(deliverOne(sink, events(claim, 0n, 2), AbortSignal.abort())).rejects.toThrow()
      const next = ((await claim.tip()).last ?? -1n) + 1n
      expect(await sink.deliver([events(claim, next, 2)], never)).toEqual(['delivered'])
      expect(await offsets(partition)).toEqual(next === 0n ? [0n, 1n] : [0n, 1n, 2n, 3n])
    })
  })
}

/** A zombie may be answered or thrown at; both are right. */
function outcomeOf(delivery: Promise<readonly RangeOutcome[]>): Promise<readonly RangeOutcome[] | null> {
  return delivery.catch(() => null)
}

/** A sink may throw, or say that one range has failed: for one range alone both mean the same. */
async function deliverOne(
  sink: Sink,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<'delivered' | 'fenced'> {
  const [outcome] = await sink.deliver([delivery], signal)
  if (outcome === undefined) throw new RangeError('no outcome')
  if (typeof outcome === 'object') throw outcome.error
  return outcome
}
