import { randomUUID } from 'node:crypto'
import type { QueryParams } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PartitionRef, Range, Sink } from '../../../consumers/engine/contracts.ts'
import { createHotClients } from '../../../consumers/hot/clickhouse/client.ts'
import { systemClock } from '../../../runtime/clock.ts'
import { type HotDatabase, hotDatabase, hotSink } from '../../support/hot/database.ts'
import { badRecord, eventRecord, RECEIVED_AT, rangeOf, uuidAt } from '../../support/hot/events.ts'
import { ScriptedFailpoints } from '../../support/scripted-failpoints.ts'
import { testStack } from '../../support/stack.ts'

const forever = new AbortController().signal

describe('copies that two processes insert at the same moment', () => {
  let db: HotDatabase
  beforeAll(async () => {
    db = await hotDatabase()
  })
  afterAll(() => db.drop())

  function partitions(): [PartitionRef, PartitionRef] {
    const topicId = randomUUID()
    const ref = (partition: number) => ({ topic: `t-${topicId}`, topicId, partition })
    return [ref(0), ref(1)]
  }
  const copy = (ref: PartitionRef) => copies(ref, 1)
  const copies = (ref: PartitionRef, events: number, reason?: string) => {
    const id = Number.parseInt(ref.topicId.slice(0, 7), 16)
    const content = reason === undefined ? {} : { reason }
    const records = Array.from({ length: events }, (_, at) =>
      eventRecord(BigInt(at), RECEIVED_AT, { id: uuidAt(RECEIVED_AT, id + at), ...content }),
    )
    return rangeOf(ref, records)
  }
  const shown = async (ref: PartitionRef) =>
    (
      await db.rows<{ p: number }>(
        `SELECT _partition AS p FROM {db}.audit WHERE _topic_id = '${ref.topicId}' ORDER BY p`,
      )
    ).map((row) => row.p)

  /** The first has looked for copies and not yet inserted; the second does all; then the first goes on. */
  async function race(
    first: PartitionRef,
    second: PartitionRef,
    { events = 1, reason }: { readonly events?: number; readonly reason?: string } = {},
  ): Promise<Sink> {
    const failpoints = new ScriptedFailpoints()
    const [a, b] = [hotSink(db, { failpoints }), hotSink(db)]
    const [mine, theirs] = [await a.claim(first, forever), await b.claim(second, forever)]
    const stands = failpoints.holdAt('send.before')
    const delivery = a.deliver([{ claim: mine, range: copies(first, events) }], forever)
    await stands.reached
    const range = copies(second, events, reason)
    expect(await b.deliver([{ claim: theirs, range }], forever)).toEqual(['delivered'])
    expect(new Set(await shown(first))).toEqual(new Set([second.partition]))
    stands.release()
    expect(await delivery).toEqual(['delivered'])
    await a.close()
    return b
  }

  /** A delivery that stands still, before it looks for copies, until `wake`. */
  async function stoodStill(range: Range) {
    const asked = Promise.withResolvers<void>()
    const answer = Promise.withResolvers<void>()
    const put = async () => {
      asked.resolve()
      await answer.promise
    }
    const late = hotSink(db, { quarantine: { put } })
    const delivery = late.deliver([{ claim: await late.claim(range.partition, forever), range }], forever)
    await asked.promise
    return { late, delivery, wake: () => answer.resolve() }
  }

  /** Both are in and shown: the first, who inserted last, got no answer and has not looked again. */
  async function unsettled(first: PartitionRef, second: PartitionRef) {
    const failpoints = new ScriptedFailpoints()
    const [a, b] = [hotSink(db, { failpoints }), hotSink(db)]
    const [mine, theirs] = [await a.claim(first, forever), await b.claim(second, forever)]
    await mine.tip(forever)
    const stands = failpoints.holdAt('send.before')
    const delivery = a.deliver([{ claim: mine, range: copy(first) }], forever)
    await stands.reached
    await b.deliver([{ claim: theirs, range: copy(second) }], forever)
    failpoints.failAt('effect.after')
    stands.release()
    await expect(delivery).rejects.toMatchObject({ code: 'DAYBOOK_TEST_BROKEN' })
    expect(await shown(first)).toEqual([0, 1])
    return { a, b, mine }
  }

  it('are settled by the one who inserts last: the copy in the lower partition stays', async () => {
    const [zero, one] = partitions()
    await (await race(zero, one)).close()
    expect(await shown(zero)).toEqual([0])
  })

  it('are settled the same way in the other order', async () => {
    const [zero, one] = partitions()
    await (await race(one, zero)).close()
    expect(await shown(zero)).toEqual([0])
  })

  it('are settled however many they are', async () => {
    const [zero, one] = partitions()
    const events = 10_500
    await (await race(zero, one, { events })).close()
    expect(await shown(zero)).toEqual(Array.from({ length: events }, () => 0))
  })

  it('are settled by the next owner when the last to insert dies before it has looked', async () => {
    const [zero, one] = partitions()
    const { a, b } = await unsettled(zero, one)
    const heir = hotSink(db)
    await heir.claim(zero, forever)
    // Its repairs have ended when it has closed.
    await heir.close()
    expect(await shown(zero)).toEqual([0])
    await Promise.all([a.close(), b.close()])
  })

  it('are looked for again where that fails', async () => {
    const [zero, one] = partitions()
    const { a, b } = await unsettled(zero, one)
    const { url, user, password } = testStack().clickhouse
    const clients = createHotClients({ url, user, password })
    const query = clients.client.query.bind(clients.client)
    let left = 2
    clients.client.query = ((params: QueryParams) =>
      params.query.includes('INTERVAL 8 DAY') && left-- > 0
        ? Promise.reject(new Error('the server is busy'))
        : query(params)) as typeof clients.client.query
    const failed: PartitionRef[] = []
    const sleep = (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / 100, signal)
    const onRecheckFailed = (ref: PartitionRef) => failed.push(ref)
    const heir = hotSink(db, { clients, clock: { ...systemClock, sleep }, onRecheckFailed })
    await heir.claim(zero, forever)
    await expect.poll(() => shown(zero), { timeout: 10_000 }).toEqual([0])
    await heir.close()
    expect(failed).toEqual([zero, zero])
    await Promise.all([a.close(), b.close()])
  })

  it('are settled by the last to insert itself when it got no answer, once it knows what is stored', async () => {
    const [zero, one] = partitions()
    const { a, b, mine } = await unsettled(zero, one)
    expect(await mine.tip(forever)).toMatchObject({ last: 0n })
    await a.close()
    expect(await shown(zero)).toEqual([0])
    await b.close()
  })

  it('are settled by the last to insert itself when it claims the partition anew', async () => {
    const [zero, one] = partitions()
    const { a, b } = await unsettled(zero, one)
    await a.claim(zero, forever)
    await a.close()
    expect(await shown(zero)).toEqual([0])
    await b.close()
  })

  it('stay visible where an owner that stood still wakes after its successor, and after a copy of that', async () => {
    const [zero, one] = partitions()
    const range = rangeOf(one, [...copy(one).records, badRecord(1n, RECEIVED_AT)])
    const { late, delivery, wake } = await stoodStill(range)
    const [heir, other] = [hotSink(db), hotSink(db)]
    expect(await heir.deliver([{ claim: await heir.claim(one, forever), range }], forever)).toEqual([
      'delivered',
    ])
    // It stands before the visible one, and is hidden for its sake.
    const first = { claim: await other.claim(zero, forever), range: copy(zero) }
    expect(await other.deliver([first], forever)).toEqual(['delivered'])
    wake()
    expect(await delivery).toEqual(['fenced'])
    expect(await shown(zero)).toEqual([1])
    await Promise.all([late.close(), heir.close(), other.close()])
  })

  it('are not listed by an owner that is not the current one any more', async () => {
    const [zero, one] = partitions()
    const range = rangeOf(one, [...copy(one).records, badRecord(1n, RECEIVED_AT)])
    const { late, delivery, wake } = await stoodStill(range)
    const other = hotSink(db)
    await other.deliver([{ claim: await other.claim(zero, forever), range: copy(zero) }], forever)
    await other.claim(one, forever)
    wake()
    expect(await delivery).toEqual(['fenced'])
    expect(await db.number(`SELECT count() FROM {db}.superseded WHERE topic_id = '${one.topicId}'`)).toBe(0)
    await Promise.all([late.close(), other.close()])
  })

  it('stay both when their contents differ', async () => {
    const [zero, one] = partitions()
    await (await race(zero, one, { reason: 'other' })).close()
    expect(await shown(zero)).toEqual([0, 1])
  })
})
