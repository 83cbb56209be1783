import { beforeEach, expect, test } from 'vitest'
import { SourceRecord } from '../../../../consumers/engine/source-record.ts'
import { createChecker } from '../../../../consumers/records/checker.ts'
import { createCatalogue } from '../../../../consumers/records/schema-catalogue.ts'
import type { Clock } from '../../../../runtime/clock.ts'
import { DaybookError } from '../../../../schemas/errors.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../../../../schemas/generated/audit-event.ts'
import { frame } from '../../../../schemas/wire.ts'
import { anEvent, encodeEvent } from '../../../support/events.ts'
import { FakeRegistryReader } from '../../../support/fakes/fake-registry-reader.ts'

const OURS = 'audit.events.standard-value'
const event = encodeEvent(anEvent())
const partition = { topic: 'audit.events.standard', topicId: 'a', partition: 0 }
const down = new DaybookError('DAYBOOK_REGISTRY_UNREACHABLE', 'down', { retryable: true })

let now = 1_000_000
let registry: FakeRegistryReader
let slept: () => void
let checker: ReturnType<typeof createChecker>
/** Time passes only here. */
const clock: Clock = {
  now: () => now,
  sleep: async (ms) => {
    now += ms
    slept()
  },
  after: () => () => undefined,
}

beforeEach(() => {
  registry = new FakeRegistryReader()
  registry.register(OURS, 1, AUDIT_EVENT_SCHEMA_TEXT)
  slept = () => undefined
  restart()
})

function restart(): void {
  const newest = { text: AUDIT_EVENT_SCHEMA_TEXT, schema: AUDIT_EVENT_SCHEMA }
  const catalogue = createCatalogue({ registry, clock, newest, subjects: [OURS] })
  checker = createChecker({ catalogue, maxRecordBytes: 10_000, clock })
  registry.asked.length = 0
}

let offset = 0n
function records(ids: readonly number[]): SourceRecord[] {
  return ids.map((id) =>
    SourceRecord.of({ offset: offset++, appendTime: 0, key: null, value: frame(id, event) }),
  )
}

async function verdicts(
  ids: readonly number[],
  highWatermark = offset + BigInt(ids.length),
): Promise<string[]> {
  const batch = records(ids)
  await checker.prepare(batch, { partition, highWatermark })
  return batch.map((record) => {
    const verdict = checker.check(record)
    return verdict.kind === 'bad' ? verdict.code : verdict.kind
  })
}

const flood = (from: number, count: number) => Array.from({ length: count }, (_, n) => from + n)

test('60,000 made-up ids cost as many requests as one, and the good records among them stay good', async () => {
  expect(await verdicts([77])).toEqual(['UNKNOWN_SCHEMA'])
  const forOne = registry.asked.length
  restart()
  const found = await verdicts(flood(100_000, 60_000).flatMap((id, n) => (n % 2 === 0 ? [1, id] : [id])))
  expect(registry.asked.length).toBeLessThanOrEqual(forOne + 2)
  expect(found.filter((one) => one === 'event')).toHaveLength(30_000)
  expect(found.filter((one) => one === 'UNKNOWN_SCHEMA')).toHaveLength(60_000)
})

test('one look at the registry serves for all that stood in the log before it', async () => {
  const highWatermark = offset + 5_000n
  await verdicts(flood(2_000, 1_000), highWatermark)
  const before = registry.asked.length
  const began = now
  for (let batch = 1; batch < 5; batch++)
    expect(new Set(await verdicts(flood(batch * 10_000, 1_000), highWatermark))).toEqual(
      new Set(['UNKNOWN_SCHEMA']),
    )
  expect(registry.asked.length).toBe(before)
  expect(now).toBe(began)
})

test('a record that came later is looked for anew, for less than a second', async () => {
  await verdicts([77], offset + 1n)
  registry.register(OURS, 77, AUDIT_EVENT_SCHEMA_TEXT)
  const began = now
  expect(await verdicts([77], offset + 1n)).toEqual(['event'])
  expect(now - began).toBeLessThan(1_000)
})

test('a version that is loaded from the list of before is no look at the registry', async () => {
  registry.register(OURS, 2, AUDIT_EVENT_SCHEMA_TEXT)
  // Both are listed now, and only the first is loaded.
  await verdicts([1])
  registry.register(OURS, 77, AUDIT_EVENT_SCHEMA_TEXT)
  const highWatermark = offset + 10n
  expect(await verdicts([2], highWatermark)).toEqual(['event'])
  expect(await verdicts([77], highWatermark)).toEqual(['event'])
})

test('what is registered afterwards helps records that wait already, after a while', async () => {
  const highWatermark = offset + 10n
  expect(await verdicts([77], highWatermark)).toEqual(['UNKNOWN_SCHEMA'])
  registry.register(OURS, 77, AUDIT_EVENT_SCHEMA_TEXT)
  now += 30_000
  expect(await verdicts([77], highWatermark)).toEqual(['event'])
})

test('an id is unknown only when the registry says so twice, some time apart: a replica may lag', async () => {
  slept = () => registry.register(OURS, 77, AUDIT_EVENT_SCHEMA_TEXT)
  expect(await verdicts([77, 78])).toEqual(['event', 'UNKNOWN_SCHEMA'])
})

test('an id under another subject is not ours, whatever it says', async () => {
  registry.register('someone-else-value', 50, AUDIT_EVENT_SCHEMA_TEXT)
  expect(await verdicts([50])).toEqual(['UNKNOWN_SCHEMA'])
  expect(registry.asked.some((what) => what.startsWith('someone'))).toBe(false)
})

test('a version that is too large to be read is a wrong schema, not an unknown one', async () => {
  registry.register(OURS, 77, AUDIT_EVENT_SCHEMA_TEXT)
  registry.enlarge(77)
  restart()
  expect(await verdicts([1, 77, 78])).toEqual(['event', 'WRONG_SCHEMA', 'UNKNOWN_SCHEMA'])
})

test('a registry that is down makes only records of new ids wait, and decides nothing', async () => {
  expect(await verdicts([1])).toEqual(['event'])
  registry.fault = down
  expect(await verdicts([1, 1])).toEqual(['event', 'event'])
  const batch = records([1, 77])
  await expect(checker.prepare(batch, { partition, highWatermark: offset })).rejects.toMatchObject({
    retryable: true,
  })
  registry.fault = null
  await checker.prepare(batch, { partition, highWatermark: offset })
  expect(batch.map((record) => checker.check(record).kind)).toEqual(['event', 'bad'])
})

test('a registry without anything of ours is not believed: nothing goes to quarantine', async () => {
  registry.destroy(OURS)
  restart()
  const [record] = records([1])
  if (record === undefined) throw new RangeError('no record')
  await expect(checker.prepare([record], { partition, highWatermark: offset })).rejects.toMatchObject({
    code: 'DAYBOOK_SCHEMA_NOT_REGISTERED',
    retryable: true,
  })
  registry.register(OURS, 1, AUDIT_EVENT_SCHEMA_TEXT)
  await checker.prepare([record], { partition, highWatermark: offset })
  expect(checker.check(record).kind).toBe('event')
})

test('a record that was not prepared is not called unknown', () => {
  const [record] = records([77])
  if (record === undefined) throw new RangeError('no record')
  expect(() => checker.check(record)).toThrow(expect.objectContaining({ code: 'DAYBOOK_SCHEMA_NOT_LOADED' }))
})

test('the verdict on a record stays as it was prepared, however long the batch waits', async () => {
  const batch = records([77])
  await checker.prepare(batch, { partition, highWatermark: offset })
  now += 3_600_000
  await verdicts([88])
  expect(batch.map((record) => checker.check(record).kind)).toEqual(['bad'])
})

test('ids of a subject that was deleted softly are found one by one, among as many made-up ones', async () => {
  registry.hide(OURS)
  restart()
  const ids = [...flood(5_000, 10_000), 1, 1]
  const found = await verdicts(ids)
  expect(found.slice(-2)).toEqual(['event', 'event'])
  const lookUps = () => registry.asked.filter((what) => what.startsWith('#')).length
  expect(lookUps()).toBe(50)
  await verdicts(flood(50_000, 10_000))
  expect(lookUps()).toBe(50)
})

test('a subject that was destroyed and made anew counts from 1 again, and is read again', async () => {
  expect(await verdicts([77])).toEqual(['UNKNOWN_SCHEMA'])
  registry.destroy(OURS)
  registry.register(OURS, 9, AUDIT_EVENT_SCHEMA_TEXT)
  expect(await verdicts([9, 77])).toEqual(['event', 'UNKNOWN_SCHEMA'])
})

test('partitions that look at the same time share the looks', async () => {
  const many = Array.from({ length: 50 }, (_, at) => ({ ...partition, partition: at }))
  await Promise.all(
    many.map((one) => checker.prepare(records([77]), { partition: one, highWatermark: offset })),
  )
  expect(registry.asked.filter((what) => what === OURS).length).toBeLessThanOrEqual(4)
})
