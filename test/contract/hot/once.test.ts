import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CheckedRecord, Claim, PartitionRef, Sink } from '../../../consumers/engine/contracts.ts'
import { isRetryable } from '../../../schemas/errors.ts'
import { type HotDatabase, hotDatabase, hotSink, MemoryQuarantine } from '../../support/hot/database.ts'
import { badRecord, eventRange, eventRecord, RECEIVED_AT, rangeOf, uuidAt } from '../../support/hot/events.ts'
import { changed } from '../../support/records.ts'

const forever = new AbortController().signal
const DAY_MS = 86_400_000

describe('what the hot store holds', () => {
  let db: HotDatabase
  let ref: PartitionRef
  beforeAll(async () => {
    db = await hotDatabase()
  })
  afterAll(() => db.drop())
  beforeEach(() => {
    const topicId = randomUUID()
    ref = { topic: `t-${topicId}`, topicId, partition: 0 }
  })

  const audit = (where: string) => db.number(`SELECT count() FROM {db}.audit WHERE ${where}`)
  const event = (offset: bigint, n: number, reason?: string) =>
    eventRecord(offset, RECEIVED_AT + Number(offset), {
      id: uuidAt(RECEIVED_AT, Number.parseInt(ref.topicId.slice(0, 8), 16) * 256 + n),
      ...(reason === undefined ? {} : { reason }),
    })
  async function write(sink: Sink, partition: PartitionRef, records: readonly CheckedRecord[]) {
    const claim = await sink.claim(partition, forever)
    return sink.deliver([{ claim, range: rangeOf(partition, records) }], forever)
  }

  it('shows an event once that came twice, in one delivery and in a later one', async () => {
    const sink = hotSink(db)
    await write(sink, ref, [event(0n, 1), event(1n, 2), event(2n, 1)])
    await write(sink, ref, [event(3n, 2), event(4n, 3)])
    await sink.close()
    const here = `_topic_id = '${ref.topicId}'`
    expect(await db.number(`SELECT count() FROM {db}.events WHERE ${here}`)).toBe(5)
    const shown = await db.rows<{ o: string }>(
      `SELECT toString(_offset) AS o FROM {db}.audit WHERE ${here} ORDER BY _offset`,
    )
    expect(shown.map((row) => row.o)).toEqual(['0', '1', '4'])
  })

  it.each(['00000000-0000-4000-8000-', '00112233-4455-4677-8899-', 'ff000000-0000-4000-8000-'])(
    'finds copies of random ids that begin with %s',
    async (start) => {
      const sink = hotSink(db)
      const end = ref.topicId.slice(24)
      const at = (offset: bigint) => eventRecord(offset, RECEIVED_AT, { id: `${start}${end}` })
      await write(sink, ref, [event(0n, 1), at(1n)])
      await write(sink, ref, [at(2n), event(3n, 2), event(4n, 1)])
      await sink.close()
      const shown = await db.rows<{ o: string }>(
        `SELECT toString(_offset) AS o FROM {db}.audit WHERE _topic_id = '${ref.topicId}' ORDER BY _offset`,
      )
      expect(shown.map((row) => row.o)).toEqual(['0', '1', '3'])
    },
  )

  it('finds copies also where the store holds more ids between theirs than it is asked for', async () => {
    const sink = hotSink(db)
    const stored = Array.from({ length: 10_050 }, (_, i) => event(BigInt(i), i))
    await write(sink, ref, stored)
    await write(sink, ref, [event(10_050n, 0), event(10_051n, 10_049), event(10_052n, 10_050)])
    await sink.close()
    expect(await audit(`_topic_id = '${ref.topicId}'`)).toBe(10_051)
    expect(await audit(`_topic_id = '${ref.topicId}' AND _offset >= 10050`)).toBe(1)
  })

  it('keeps and reports both when an id comes again with other content', async () => {
    const sink = hotSink(db)
    await write(sink, ref, [event(0n, 1), event(1n, 1, 'forged')])
    await sink.close()
    expect(await audit(`_topic_id = '${ref.topicId}'`)).toBe(2)
    const [conflict] = await db.rows<{ contents: string }>(
      `SELECT toString(contents) AS contents FROM {db}.conflicts WHERE event_id IN (SELECT event_id FROM {db}.events WHERE _topic_id = '${ref.topicId}')`,
    )
    expect(conflict?.contents).toBe('2')
  })

  it('shows one of two copies that lie in two partitions of one delivery', async () => {
    const other = { ...ref, partition: 1 }
    const sink = hotSink(db)
    const claims = [await sink.claim(ref, forever), await sink.claim(other, forever)]
    const ranges = [rangeOf(ref, [event(0n, 1)]), rangeOf(other, [event(0n, 1), event(1n, 2)])]
    const deliveries = claims.flatMap((claim, i) => {
      const range = ranges[i]
      return range === undefined ? [] : [{ claim, range }]
    })
    expect(await sink.deliver(deliveries, forever)).toEqual(['delivered', 'delivered'])
    await sink.close()
    expect(await audit(`_topic_id = '${ref.topicId}'`)).toBe(2)
  })

  it('accounts for every offset: events, quarantined records, gaps; the tip covers them', async () => {
    const quarantine = new MemoryQuarantine()
    const sink = hotSink(db, { quarantine })
    const claim = await sink.claim(ref, forever)
    const records = [
      badRecord(0n, RECEIVED_AT),
      event(1n, 1),
      badRecord(3n, RECEIVED_AT),
      badRecord(4n, RECEIVED_AT),
    ]
    await sink.deliver(
      [{ claim, range: rangeOf(ref, records, [{ first: 2n, last: 2n, reason: 'control' }]) }],
      forever,
    )
    expect((await claim.tip()).last).toBe(4n)
    await sink.deliver([{ claim, range: rangeOf(ref, [badRecord(5n, RECEIVED_AT)]) }], forever)
    expect((await claim.tip()).last).toBe(5n)
    expect(quarantine.records.map(({ record }) => record.offset)).toEqual([0n, 3n, 4n, 5n])
    const gaps = await db.rows<{ f: string; l: string; reason: string }>(
      `SELECT toString(first) AS f, toString(last) AS l, reason FROM {db}.gaps WHERE topic_id = '${ref.topicId}' ORDER BY first`,
    )
    expect(gaps.map((gap) => `${gap.f}-${gap.l} ${gap.reason}`)).toEqual([
      ...['0-0 quarantined', '2-2 control', '3-4 quarantined', '5-5 quarantined'],
    ])
    await sink.close()
  })

  it('hands each batch with bad records to the quarantine once, and a record whose batch is not known alone', async () => {
    const quarantine = new MemoryQuarantine()
    const sink = hotSink(db, { quarantine })
    const claim = await sink.claim(ref, forever)
    const batch = (first: bigint) => ({
      ...{ first, last: first + 1n, appendTime: RECEIVED_AT, bytes: Buffer.from('batch'), isWhole: false },
      bad: [first, first + 1n].map((offset) => ({
        offset,
        code: 'MALFORMED' as const,
        reason: 'r',
        schemaId: 7,
      })),
    })
    const batches = [batch(0n), batch(2n)]
    const records = [0n, 1n, 2n, 3n].map((offset) => {
      const { record, verdict } = badRecord(offset, RECEIVED_AT)
      const own = batches[offset < 2n ? 0 : 1]
      return { record, verdict, ...(own === undefined ? {} : { batch: own }) }
    })
    const range = rangeOf(ref, [...records, badRecord(4n, RECEIVED_AT)])
    expect(await sink.deliver([{ claim, range }], forever)).toEqual(['delivered'])
    expect(
      quarantine.items.map(({ item }) => (item.kind === 'batch' ? item.batch : item.bad.offset)),
    ).toEqual([...batches, 4n])
    expect((await claim.tip()).last).toBe(4n)
    await sink.close()
  })

  it('does not take a gap behind a hole for progress', async () => {
    const sink = hotSink(db)
    const claim = await sink.claim(ref, forever)
    await sink.deliver([{ claim, range: rangeOf(ref, [event(0n, 1)]) }], forever)
    const at = RECEIVED_AT
    await db.client.insert({
      table: `${db.name}.gaps`,
      values: [
        {
          topic_id: ref.topicId,
          topic: ref.topic,
          partition: 0,
          first: 5,
          last: 6,
          reason: 'control',
          note: '',
          by: '',
          at,
        },
      ],
      format: 'JSONEachRow',
    })
    expect((await claim.tip()).last).toBe(0n)
    await sink.close()
  })

  it('writes a range over midnight in order, one part a day', async () => {
    const sink = hotSink(db)
    const claim = await sink.claim(ref, forever)
    const midnight = Math.floor(RECEIVED_AT / DAY_MS) * DAY_MS
    const range = eventRange(ref, 0n, 1000, { at: midnight - 500 })
    expect(await sink.deliver([{ claim, range }], forever)).toEqual(['delivered'])
    expect(
      await db.number(`SELECT uniqExact(_part) FROM {db}.events WHERE _topic_id = '${ref.topicId}'`),
    ).toBe(2)
    expect((await claim.tip()).last).toBe(999n)
    await sink.close()
  })

  it('refuses a topic that was made again until it is accepted', async () => {
    const sink = hotSink(db)
    await sink.claim(ref, forever)
    await expect(sink.claim({ ...ref, topicId: randomUUID() }, forever)).rejects.toMatchObject({
      code: 'DAYBOOK_HOT_TOPIC_RECREATED',
      retryable: false,
    })
    await sink.close()
  })

  it('gives a partition to one of many that claim it at the same time', async () => {
    const sinks = Array.from({ length: 6 }, () => hotSink(db))
    const claims = await Promise.all(sinks.map((sink) => claimed(sink)))
    const outcomes = await Promise.all(
      sinks.map(async (sink, i) => {
        const claim = claims[i]
        return claim === undefined ? [] : sink.deliver([{ claim, range: eventRange(ref, 0n, 10) }], forever)
      }),
    )
    expect(outcomes.flat().toSorted()).toEqual(['delivered', ...Array(5).fill('fenced')])
    expect(await db.number(`SELECT count() FROM {db}.events WHERE _topic_id = '${ref.topicId}'`)).toBe(10)
    await Promise.all(sinks.map((sink) => sink.close()))
  })

  /** As the engine does: a claim that met too many others is tried again. */
  async function claimed(sink: Sink): Promise<Claim> {
    try {
      return await sink.claim(ref, forever)
    } catch (error) {
      if (!isRetryable(error)) throw error
      return claimed(sink)
    }
  }

  it('quarantines alone the record that ClickHouse refuses, wherever it stands', async () => {
    const quarantine = new MemoryQuarantine()
    const sink = hotSink(db, { quarantine })
    const claim = await sink.claim(ref, forever)
    const range = eventRange(ref, 0n, 50)
    const spoilt = range.records.map((checked) =>
      checked.record.offset === 17n ? withoutUuid(checked) : checked,
    )
    expect(await sink.deliver([{ claim, range: { ...range, records: spoilt } }], forever)).toEqual([
      'delivered',
    ])
    expect(quarantine.records.map(({ record }) => record.offset)).toEqual([17n])
    expect(quarantine.records[0]?.bad).toMatchObject({ code: 'INVALID_FIELD' })
    expect(await db.number(`SELECT count() FROM {db}.events WHERE _topic_id = '${ref.topicId}'`)).toBe(49)
    expect((await claim.tip()).last).toBe(49n)
    await sink.close()
  })

  /** An id that is no UUID, under a verdict that says the checker let it pass. */
  function withoutUuid(checked: CheckedRecord): CheckedRecord {
    const value = Buffer.from(checked.record.value ?? Buffer.alloc(0))
    value.write('zz', 6)
    const verdict = { ...checked.verdict, canonical: true }
    return { record: changed(checked.record, { value }), verdict }
  }
})
