import { PutObjectCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { initArchive } from '../../../consumers/cold/init.ts'
import type { ColdSinkOptions } from '../../../consumers/cold/options.ts'
import { createColdSink } from '../../../consumers/cold/sink.ts'
import type { PartitionRef, RangeOutcome } from '../../../consumers/engine/contracts.ts'
import { objectKey, partitionPrefix } from '../../../schemas/archive/key.ts'
import { DaybookError, scopeOf } from '../../../schemas/errors.ts'
import { type TestArchive, testArchive } from '../../support/cold/archive.ts'
import { eventRecords, FIRST_MINUTE, rangeOf } from '../../support/cold/ranges.ts'
import { coldOptions, DAY_MS } from '../../support/cold/sink.ts'
import { storeWith } from '../../support/cold/store-with.ts'

const { signal } = new AbortController()

/** Five partitions of one topic, of which number 2 is harmed by `harm`; what becomes of one delivery of all five. */
async function deliverFive(
  archive: TestArchive,
  harm: {
    readonly changes?: (second: PartitionRef) => Partial<ColdSinkOptions>
    readonly before?: (second: PartitionRef) => Promise<unknown>
    readonly startMs?: number
  },
): Promise<readonly RangeOutcome[]> {
  const partitions = Array.from({ length: 5 }, (_, partition) => ({ ...archive.partition, partition }))
  for (const partition of partitions) await initArchive(archive.context, { partition, reason: 'test' })
  const second = { ...archive.partition, partition: 2 }
  const sink = createColdSink(coldOptions(archive.context, harm.changes?.(second)))
  const claims = await Promise.all(partitions.map((partition) => sink.claim(partition, signal)))
  await harm.before?.(second)
  const deliveries = claims.map((claim) => {
    const startMs = claim.partition.partition === 2 ? (harm.startMs ?? FIRST_MINUTE) : FIRST_MINUTE
    return { claim, range: rangeOf(claim.partition, eventRecords({ first: 0n, count: 3, startMs })) }
  })
  return sink.deliver(deliveries, signal)
}

function expectOnlySecond(outcomes: readonly RangeOutcome[], code: string): void {
  const kinds = outcomes.map((outcome) => (typeof outcome === 'string' ? outcome : outcome.kind))
  expect(kinds).toEqual(['delivered', 'delivered', 'failed', 'delivered', 'delivered'])
  const [, , second] = outcomes
  if (typeof second !== 'object') throw new Error('it did not fail')
  expect(second.error).toMatchObject({ code })
  expect(scopeOf(second.error)).toBe('partition')
}

const firstKey = (partition: PartitionRef, minute = FIRST_MINUTE) =>
  objectKey({ ...partition, minute, first: 0n })

test('an object that a stranger has put in the place of the next one fails one partition only', async () => {
  const archive = await testArchive('alone-forged')
  const put = (partition: PartitionRef) =>
    archive.bucket.client.send(
      new PutObjectCommand({ Bucket: archive.bucket.name, Key: firstKey(partition), Body: 'forged' }),
    )
  expectOnlySecond(await deliverFive(archive, { before: put }), 'DAYBOOK_COLD_CONTRADICTED')
})

test('what a stranger has put there is not read whole, however large it is', async () => {
  const archive = await testArchive('alone-large')
  const sizes: (number | undefined)[] = []
  const { store } = archive.bucket
  const terabytes = storeWith(store, {
    async *list(request) {
      for await (const entry of store.list(request)) {
        if (!('key' in entry) || entry.key !== firstKey({ ...archive.partition, partition: 2 })) yield entry
        else yield { ...entry, versions: [{ versionId: 'large', sizeBytes: 2 ** 42 }] }
      }
    },
    read: async (o) => {
      sizes.push(o.maxBytes)
      if (o.versionId !== 'large') return store.read(o)
      return Buffer.alloc(o.maxBytes ?? 0)
    },
  })
  const put = (partition: PartitionRef) =>
    archive.bucket.client.send(
      new PutObjectCommand({ Bucket: archive.bucket.name, Key: firstKey(partition), Body: 'forged' }),
    )
  const outcomes = await deliverFive(archive, { before: put, changes: () => ({ store: terabytes }) })
  expectOnlySecond(outcomes, 'DAYBOOK_COLD_CONTRADICTED')
  expect(sizes.at(-1)).toBeLessThanOrEqual(8 * 1024 * 1024)
})

test.each([
  ['older than their class', FIRST_MINUTE - 3651 * DAY_MS, 'DAYBOOK_COLD_RETENTION_PAST'],
  ['from the future', FIRST_MINUTE + DAY_MS, 'DAYBOOK_COLD_RETENTION_BEYOND_CLASS'],
  ['from beyond the calendar', 2 ** 53, 'DAYBOOK_COLD_RETENTION_BEYOND_CLASS'],
  ['from before the calendar', -(2 ** 53), 'DAYBOOK_COLD_RETENTION_PAST'],
])("a broker's times %s fail one partition only", async (_, startMs, code) => {
  const archive = await testArchive('alone-times')
  expectOnlySecond(await deliverFive(archive, { startMs }), code)
})

test('a policy that forbids one prefix fails one partition only', async () => {
  const archive = await testArchive('alone-policy')
  const { store } = archive.bucket
  const forbidding = (second: PartitionRef) => ({
    store: storeWith(store, {
      create: (request, abort) =>
        request.key.startsWith(partitionPrefix(second))
          ? Promise.reject(new DaybookError('DAYBOOK_S3_FORBIDDEN', 'AccessDenied'))
          : store.create(request, abort),
    }),
  })
  expectOnlySecond(await deliverFive(archive, { changes: forbidding }), 'DAYBOOK_S3_FORBIDDEN')
})

test('a store that does not answer for one key fails one partition only', async () => {
  const archive = await testArchive('alone-away')
  const { store } = archive.bucket
  const away = (second: PartitionRef) => ({
    store: storeWith(store, {
      create: (request, abort) =>
        request.key.startsWith(partitionPrefix(second))
          ? Promise.reject(new DaybookError('DAYBOOK_S3_UNAVAILABLE', 'SlowDown', { retryable: true }))
          : store.create(request, abort),
    }),
  })
  expectOnlySecond(await deliverFive(archive, { changes: away }), 'DAYBOOK_S3_UNAVAILABLE')
})

test('a partition that was never started goes on with the same worker once it is', async () => {
  const archive = await testArchive('alone-init')
  const sink = createColdSink(coldOptions(archive.context))
  const other = { ...archive.partition, topic: 'audit.events.hipaa' }
  const refused = { code: 'DAYBOOK_COLD_NOT_INITIALISED', scope: 'partition', retryable: false }
  await expect(sink.claim(other, signal)).rejects.toMatchObject(refused)
  await initArchive(archive.context, { partition: other, reason: 'test' })
  const claim = await sink.claim(other, signal)
  const range = rangeOf(other, eventRecords({ first: 0n, count: 3 }))
  expect(await sink.deliver([{ claim, range }], signal)).toEqual(['delivered'])
})
