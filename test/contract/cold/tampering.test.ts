import { DeleteObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { initArchive } from '../../../consumers/cold/init.ts'
import { createColdSink } from '../../../consumers/cold/sink.ts'
import { acceptColdLoss } from '../../../operations/accept-cold-loss.ts'
import { objectKey } from '../../../schemas/archive/key.ts'
import { testArchive } from '../../support/cold/archive.ts'
import { keysOf } from '../../support/cold/keys.ts'
import { eventRecords, FIRST_MINUTE, rangeOf, testPartition } from '../../support/cold/ranges.ts'
import { coldOptions } from '../../support/cold/sink.ts'
import { storeWith } from '../../support/cold/store-with.ts'
import { changed } from '../../support/records.ts'

const { signal } = new AbortController()
const records = eventRecords({ first: 0n, count: 10 })

test('a delete marker over the last object is reported, and the object still counts', async () => {
  const archive = await testArchive('marker')
  const a = await archive.worker()
  await a.deliver(rangeOf(archive.partition, records))
  const [stored] = await keysOf(archive)
  await archive.bucket.client.send(new DeleteObjectCommand({ Bucket: archive.bucket.name, Key: stored?.key }))
  const b = await archive.worker()
  expect((await b.claim.tip()).last).toBe(9n)
  expect(archive.tampering).toEqual([
    { kind: 'delete_marker', key: stored?.key, versions: 1, deleteMarkers: 1 },
  ])
})

test('a newer version of the last object is reported, and the oldest one counts', async () => {
  const archive = await testArchive('version')
  const a = await archive.worker()
  await a.deliver(rangeOf(archive.partition, records))
  const [stored] = await keysOf(archive)
  await archive.bucket.client.send(
    new PutObjectCommand({
      Bucket: archive.bucket.name,
      Key: stored?.key,
      Body: 'forged',
      ChecksumAlgorithm: 'SHA256',
    }),
  )
  const b = await archive.worker()
  expect((await b.claim.tip()).last).toBe(9n)
  expect(archive.tampering).toMatchObject([{ kind: 'second_version', versions: 2 }])
})

test('a forged object in the place of the next one stops the partition', async () => {
  const archive = await testArchive('forged')
  const a = await archive.worker()
  const key = objectKey({ ...archive.partition, minute: FIRST_MINUTE, first: 0n })
  await archive.bucket.client.send(
    new PutObjectCommand({ Bucket: archive.bucket.name, Key: key, Body: 'forged' }),
  )
  const failure = a.deliver(rangeOf(archive.partition, records))
  await expect(failure).rejects.toMatchObject({ code: 'DAYBOOK_COLD_CONTRADICTED', retryable: false })
})

test('an object that was copied from another partition stops the partition', async () => {
  const archive = await testArchive('copied')
  const a = await archive.worker()
  await a.deliver(rangeOf(archive.partition, records))
  const [stored] = await keysOf(archive)
  const bytes = await archive.bucket.store.read({
    key: stored?.key ?? '',
    versionId: stored?.versions[0]?.versionId ?? '',
  })
  const other = testPartition(archive.partition.topic, 5)
  await initArchive(archive.context, { partition: other, reason: 'test', acceptRecreated: true })
  const key = objectKey({ ...other, minute: FIRST_MINUTE, first: 0n })
  await archive.bucket.client.send(
    new PutObjectCommand({ Bucket: archive.bucket.name, Key: key, Body: bytes }),
  )
  const sink = createColdSink(coldOptions(archive.context))
  await expect(sink.claim(other, signal)).rejects.toMatchObject({ code: 'DAYBOOK_COLD_CONTRADICTED' })
})

test('without an init object nothing is archived', async () => {
  const archive = await testArchive('no-init')
  const sink = createColdSink(coldOptions(archive.context))
  const other = testPartition('audit.events.hipaa')
  await expect(sink.claim(other, signal)).rejects.toMatchObject({
    code: 'DAYBOOK_COLD_NOT_INITIALISED',
    retryable: false,
  })
  expect(await initArchive(archive.context, { partition: other, reason: 'test' })).toMatchObject({
    kind: 'initialised',
  })
  expect(await initArchive(archive.context, { partition: other, reason: 'again' })).toMatchObject({
    kind: 'already',
  })
  await expect(sink.claim(other, signal)).resolves.toBeDefined()
})

test('a topic that was made again is not archived until an operator accepts it', async () => {
  const archive = await testArchive('recreated')
  const sink = createColdSink(coldOptions(archive.context))
  const again = testPartition(archive.partition.topic)
  await expect(sink.claim(again, signal)).rejects.toMatchObject({ code: 'DAYBOOK_COLD_TOPIC_RECREATED' })
  const request = { partition: again, reason: 'test' }
  await expect(initArchive(archive.context, request)).rejects.toMatchObject({
    code: 'DAYBOOK_COLD_TOPIC_RECREATED',
  })
  await initArchive(archive.context, { ...request, acceptRecreated: true })
  await expect(sink.claim(again, signal)).resolves.toBeDefined()
})

test('an init object that nobody trusted has signed counts for nothing', async () => {
  const archive = await testArchive('forged-init')
  const other = testPartition('audit.events.hipaa')
  const key = `v1/${other.topic}/${other.topicId}/p=0/init`
  await archive.bucket.client.send(
    new PutObjectCommand({ Bucket: archive.bucket.name, Key: key, Body: 'forged' }),
  )
  const sink = createColdSink(coldOptions(archive.context))
  await expect(sink.claim(other, signal)).rejects.toMatchObject({ code: 'DAYBOOK_COLD_CONTRADICTED' })
})

test('accepted losses are known at the tip when they follow it, and chain', async () => {
  const archive = await testArchive('accepted')
  const a = await archive.worker()
  await a.deliver(rangeOf(archive.partition, records))
  const { partition } = archive
  await acceptColdLoss(archive.context, { partition, first: 30n, last: 40n, reason: 'far away' })
  expect((await a.claim.tip()).acceptedLossThrough).toBeNull()
  expect(
    await acceptColdLoss(archive.context, { partition, first: 10n, last: 19n, reason: 'disk lost' }),
  ).toBe('accepted')
  expect(
    await acceptColdLoss(archive.context, { partition, first: 10n, last: 19n, reason: 'disk lost' }),
  ).toBe('already')
  expect((await a.claim.tip()).acceptedLossThrough).toBe(19n)
  await acceptColdLoss(archive.context, { partition, first: 20n, last: 29n, reason: 'more of it' })
  expect((await a.claim.tip()).acceptedLossThrough).toBe(40n)
  const gap = { first: 10n, last: 40n, reason: 'lost_accepted' } as const
  expect(await a.deliver(rangeOf(partition, eventRecords({ first: 41n, count: 2 }), [gap]))).toBe('delivered')
  expect(await (await archive.worker()).claim.tip()).toMatchObject({ last: 42n, acceptedLossThrough: null })
})

test('an object is not written when its lock would lie in the past, or beyond its class', async () => {
  const archive = await testArchive('retention')
  const past = await archive.worker({ retentionMsOf: () => 1000 })
  const range = rangeOf(archive.partition, records)
  await expect(past.deliver(range)).rejects.toMatchObject({ code: 'DAYBOOK_COLD_RETENTION_PAST' })
  const a = await archive.worker()
  const future = eventRecords({ first: 0n, count: 1, startMs: FIRST_MINUTE + 86_400_000 })
  const failure = a.deliver(rangeOf(archive.partition, future))
  await expect(failure).rejects.toMatchObject({ code: 'DAYBOOK_COLD_RETENTION_BEYOND_CLASS' })
  expect(await keysOf(archive)).toHaveLength(0)
})

test('minutes never go back, so keys stay in offset order', async () => {
  const archive = await testArchive('minutes')
  const a = await archive.worker()
  await a.deliver(rangeOf(archive.partition, records))
  const early = eventRecords({ first: 10n, count: 2, startMs: FIRST_MINUTE - 3_600_000 })
  await a.deliver(rangeOf(archive.partition, early))
  const late = eventRecords({ first: 12n, count: 2, startMs: FIRST_MINUTE + 61_000 })
  await a.deliver(rangeOf(archive.partition, late))
  const keys = (await keysOf(archive)).map(({ key }) => key.slice(key.indexOf('/2026/')))
  expect(keys).toEqual([
    '/2026/11/21/09/30-00000000000000000000.avro',
    '/2026/11/21/09/30-00000000000000000010.avro',
    '/2026/11/21/09/31-00000000000000000012.avro',
  ])
  expect((await (await archive.worker()).claim.tip()).last).toBe(13n)
})

test('a write that succeeded although the key had a version stops the partition', async () => {
  const archive = await testArchive('hidden')
  const { store } = archive.bucket
  // What a store shows that lets a delete marker hide a version from a conditional PUT.
  const hiding = storeWith(store, {
    async *list(request) {
      for await (const entry of store.list(request)) {
        if (!('key' in entry) || !entry.key.endsWith('.avro')) yield entry
        else
          yield {
            ...entry,
            versions: [{ versionId: 'older', sizeBytes: 1 }, ...entry.versions],
            deleteMarkers: 1,
          }
      }
    },
  })
  const a = await archive.worker({ store: hiding })
  const failure = a.deliver(rangeOf(archive.partition, records))
  await expect(failure).rejects.toMatchObject({ code: 'DAYBOOK_COLD_CONTRADICTED', retryable: false })
  expect(archive.tampering).toMatchObject([{ kind: 'second_version', versions: 2 }])
})

test('an object that does not continue the tree that a worker knows stops it', async () => {
  const archive = await testArchive('fork')
  const fork = await testArchive('fork-source')
  const [a, b] = [
    await archive.worker(),
    await archive.worker({ store: fork.bucket.store }).catch(() => null),
  ]
  expect(b).toBeNull()
  await initArchive(
    { ...archive.context, store: fork.bucket.store },
    { partition: archive.partition, reason: 'test', acceptRecreated: true },
  )
  const forked = await archive.worker({ store: fork.bucket.store })
  const other = records.map((record) => changed(record, { appendTime: record.appendTime + 1 }))
  await a.deliver(rangeOf(archive.partition, records))
  await forked.deliver(rangeOf(archive.partition, other))
  await forked.deliver(rangeOf(archive.partition, eventRecords({ first: 10n, count: 5 })))
  for await (const entry of fork.bucket.store.list({ prefix: 'v1/' })) {
    if (!('key' in entry) || !entry.key.includes('00010.avro')) continue
    const body = await fork.bucket.store.read({
      key: entry.key,
      versionId: entry.versions[0]?.versionId ?? '',
    })
    await archive.bucket.client.send(
      new PutObjectCommand({ Bucket: archive.bucket.name, Key: entry.key, Body: body }),
    )
  }
  await expect(a.claim.tip()).rejects.toMatchObject({ code: 'DAYBOOK_COLD_CONTRADICTED' })
})
