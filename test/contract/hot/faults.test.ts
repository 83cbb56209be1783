import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Claim, Delivery, PartitionRef, Sink } from '../../../consumers/engine/contracts.ts'
import type { HotSinkOptions } from '../../../consumers/hot/sink.ts'
import { DaybookError, type ErrorCode } from '../../../schemas/errors.ts'
import { type HotDatabase, hotDatabase, hotSink, MemoryQuarantine } from '../../support/hot/database.ts'
import {
  eventRecord,
  eventSchema,
  RECEIVED_AT,
  rangeOf,
  SCHEMA_ID,
  uuidAt,
} from '../../support/hot/events.ts'

const forever = new AbortController().signal
const EVENTS = 20

/** Good events of three partitions in one delivery, while the table or one partition is not as it should be. */
describe('good events', () => {
  let db: HotDatabase
  let quarantine: MemoryQuarantine
  let refs: readonly PartitionRef[]
  const open: Sink[] = []

  beforeEach(async () => {
    db = await hotDatabase()
    quarantine = new MemoryQuarantine()
    const topicId = randomUUID()
    refs = [0, 1, 2].map((partition) => ({ topic: `t-${topicId}`, topicId, partition }))
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((sink) => sink.close()))
    await db.drop()
  })

  async function owner(o: Partial<HotSinkOptions> = {}): Promise<{ sink: Sink; claims: readonly Claim[] }> {
    const sink = hotSink(db, { quarantine, ...o })
    open.push(sink)
    return { sink, claims: await Promise.all(refs.map((ref) => sink.claim(ref, forever))) }
  }

  /** The middle event of partition 1 is the odd one. */
  function deliveriesOf(claims: readonly Claim[]): Delivery[] {
    return claims.map((claim, at) => {
      const records = Array.from({ length: EVENTS }, (_, n) => {
        const isOdd = at === 1 && n === EVENTS / 2
        const id = uuidAt(RECEIVED_AT + n, at * EVENTS + n)
        return eventRecord(BigInt(n), RECEIVED_AT + n, { id, action: isOdd ? 'odd' : uuidAt(0, 0) })
      })
      return { claim, range: rangeOf(claim.partition, records) }
    })
  }

  const alter = (change: string) => db.client.command({ query: `ALTER TABLE ${db.name}.events ${change}` })

  /** Rows and different offsets of each partition. */
  const held = async () => {
    const rows = await db.rows<{ p: number; n: string; u: string }>(
      `SELECT _partition AS p, toString(count()) AS n, toString(uniqExact(_offset)) AS u FROM {db}.events GROUP BY p ORDER BY p`,
    )
    return rows.map(({ p, n, u }) => [p, Number(n), Number(u)])
  }
  const WHOLE = [0, 1, 2].map((partition) => [partition, EVENTS, EVENTS])

  const failedWith = (code: ErrorCode) => ({
    kind: 'failed',
    error: expect.toSatisfy(
      (error: unknown) => error instanceof DaybookError && error.code === code && error.scope === 'partition',
    ),
  })

  const UNCHANGED = 'MODIFY COLUMN action LowCardinality(String)'

  it.each([
    ["ADD CONSTRAINT c CHECK action != 'odd'", 'DROP CONSTRAINT c', 'DAYBOOK_HOT_TABLE_CHANGED'],
    ['MODIFY COLUMN action FixedString(36)', UNCHANGED, null],
    ['MODIFY COLUMN action UUID', UNCHANGED, 'DAYBOOK_HOT_REJECTED'],
    [`MODIFY COLUMN action Enum8('${uuidAt(0, 0)}' = 1)`, UNCHANGED, 'DAYBOOK_HOT_TABLE_CHANGED'],
  ] as const)('are not quarantined because of %s; only their partition waits', async (change, back, code) => {
    await alter('DROP INDEX action')
    await alter(change)
    const { sink, claims } = await owner()
    const first = await sink.deliver(deliveriesOf(claims), forever)
    expect(first).toEqual(['delivered', code === null ? 'delivered' : failedWith(code), 'delivered'])
    await alter(back)
    const [, claim] = claims
    if (claim === undefined) throw new Error('no claim')
    const { last } = await claim.tip()
    const [, delivery] = deliveriesOf(claims)
    if (delivery === undefined) throw new Error('no delivery')
    const rest = delivery.range.records.filter(({ record }) => record.offset > (last ?? -1n))
    if (rest.length > 0)
      expect(await sink.deliver([{ claim, range: rangeOf(claim.partition, rest) }], forever)).toEqual([
        'delivered',
      ])
    expect(await held()).toEqual(WHOLE)
    expect(quarantine.records).toEqual([])
  })

  it.each([
    ['refuses', "throwIf(action = 'odd')"],
    ['cannot convert', 'toUUID(toString(action))'],
    ['has lost its table', '1'],
  ])('stand once, although a view of the table %s', async (what, expression) => {
    await db.client.command({
      query: `CREATE TABLE ${db.name}.copy (x String) ENGINE = MergeTree ORDER BY x`,
    })
    await db.client.command({
      query: `CREATE MATERIALIZED VIEW ${db.name}.view TO ${db.name}.copy AS SELECT toString(${expression}) AS x FROM ${db.name}.events`,
    })
    if (what.includes('lost')) await db.client.command({ query: `DROP TABLE ${db.name}.copy` })
    const { sink, claims } = await owner()
    expect(await sink.deliver(deliveriesOf(claims), forever)).toEqual(['delivered', 'delivered', 'delivered'])
    expect(await held()).toEqual(WHOLE)
    expect(quarantine.records).toEqual([])
  })

  it('are delivered beside a partition whose records have no place in the table', async () => {
    const tooNew = new DaybookError('DAYBOOK_SCHEMA_NEWER_THAN_WORKER', 'too new')
    const schemaOf = (id: number) => {
      if (id !== SCHEMA_ID) throw tooNew
      return eventSchema()
    }
    const { sink, claims } = await owner({ schemas: { table: eventSchema(), schemaOf } })
    const deliveries = deliveriesOf(claims).map((delivery, at) => {
      const records = delivery.range.records.map((checked) =>
        at === 1 ? { ...checked, verdict: { ...checked.verdict, schemaId: 99 } } : checked,
      )
      return { ...delivery, range: { ...delivery.range, records } }
    })
    const outcomes = await sink.deliver(deliveries, forever)
    expect(outcomes).toEqual(['delivered', { kind: 'failed', error: tooNew }, 'delivered'])
    expect(await held()).toEqual([WHOLE[0], WHOLE[2]])
  })

  it('are delivered beside a partition whose bad records find no quarantine', async () => {
    const refused = new DaybookError('DAYBOOK_KAFKA_UNAUTHORIZED', 'no', { retryable: true })
    const { sink, claims } = await owner({ quarantine: { put: () => Promise.reject(refused) } })
    const deliveries = deliveriesOf(claims).map((delivery, at) => {
      const records = delivery.range.records.map((checked, n) =>
        at === 1 && n === 3
          ? {
              ...checked,
              verdict: { kind: 'bad', code: 'MALFORMED', reason: 'test', schemaId: null } as const,
            }
          : checked,
      )
      return { ...delivery, range: { ...delivery.range, records } }
    })
    const outcomes = await sink.deliver(deliveries, forever)
    expect(outcomes).toEqual(['delivered', { kind: 'failed', error: refused }, 'delivered'])
    expect(await held()).toEqual([WHOLE[0], WHOLE[2]])
  })

  it('wait, each partition by itself, while there is no table', async () => {
    const { sink, claims } = await owner()
    await db.client.command({ query: `RENAME TABLE ${db.name}.events TO ${db.name}.away` })
    const failed = failedWith('DAYBOOK_HOT_TABLE_CHANGED')
    expect(await sink.deliver(deliveriesOf(claims), forever)).toEqual([failed, failed, failed])
    await db.client.command({ query: `RENAME TABLE ${db.name}.away TO ${db.name}.events` })
    expect(await sink.deliver(deliveriesOf(claims), forever)).toEqual(['delivered', 'delivered', 'delivered'])
    expect(await held()).toEqual(WHOLE)
  })
})
