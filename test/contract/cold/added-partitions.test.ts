import { PutObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'
import { initArchive } from '../../../consumers/cold/init.ts'
import { createColdSink } from '../../../consumers/cold/sink.ts'
import type { PartitionRef } from '../../../consumers/engine/contracts.ts'
import { initKey } from '../../../schemas/archive/key.ts'
import { type TestArchive, testArchive } from '../../support/cold/archive.ts'
import { eventRecords, rangeOf, testPartition } from '../../support/cold/ranges.ts'
import { coldOptions } from '../../support/cold/sink.ts'
import { toArray } from '../../support/cold/to-array.ts'

const { signal } = new AbortController()
const WHOLE = { logStart: 0n, logEnd: 5n, readableEnd: 5n }
const NOT_INITIALISED = { code: 'DAYBOOK_COLD_NOT_INITIALISED', scope: 'partition' }

const sinkOf = (archive: TestArchive) => createColdSink(coldOptions(archive.context))
const added = (archive: TestArchive, partition: number): PartitionRef => ({ ...archive.partition, partition })

async function initOf(archive: TestArchive, partition: PartitionRef) {
  const { store } = archive.bucket
  const [entry] = await toArray(store.list({ prefix: initKey(partition) }))
  if (entry === undefined || !('key' in entry)) return null
  const version = { key: entry.key, versionId: entry.versions[0]?.versionId ?? '' }
  const { mode } = await store.lockOf(version)
  return { mode, versions: entry.versions.length, note: (await store.read(version)).toString('utf8') }
}

describe('a partition that was added to a topic whose archive was started', () => {
  test('gets its tree from the worker, by a signed and locked record that says so', async () => {
    const archive = await testArchive('added')
    const sink = sinkOf(archive)
    const partition = added(archive, 2)
    const claim = await sink.claim(partition, signal, WHOLE)
    const init = await initOf(archive, partition)
    expect(init).toMatchObject({ mode: 'COMPLIANCE', versions: 1 })
    expect(init?.note).toMatch(
      /^daybook-init\/v1\n.*\/2\ntime .*Z\nreason partition added\nlog_start 0\n\n— /,
    )
    const range = rangeOf(partition, eventRecords({ first: 0n, count: 3 }))
    expect(await sink.deliver([{ claim, range }], signal)).toEqual(['delivered'])
    await expect(initArchive(archive.context, { partition, reason: 'late' })).resolves.toMatchObject({
      kind: 'already',
    })
  })

  test('gets one record from two workers at the same time', async () => {
    const archive = await testArchive('added-race')
    const partition = added(archive, 1)
    const sinks = Array.from({ length: 4 }, () => sinkOf(archive))
    const claims = await Promise.all(sinks.map((sink) => sink.claim(partition, signal, WHOLE)))
    const range = rangeOf(partition, eventRecords({ first: 0n, count: 3 }))
    const outcomes = await Promise.all(
      claims.map((claim, i) => sinks[i]?.deliver([{ claim, range }], signal)),
    )
    expect(outcomes).toEqual(Array.from({ length: 4 }, () => ['delivered']))
    expect(await initOf(archive, partition)).toMatchObject({ versions: 1 })
    expect(archive.tampering).toEqual([])
  })

  test('is left to an operator when its log has lost its beginning, or when nobody knows', async () => {
    const archive = await testArchive('added-lost')
    const sink = sinkOf(archive)
    const partition = added(archive, 1)
    const lost = sink.claim(partition, signal, { logStart: 1n, logEnd: 5n, readableEnd: 5n })
    await expect(lost).rejects.toMatchObject(NOT_INITIALISED)
    await expect(sink.claim(partition, signal)).rejects.toMatchObject(NOT_INITIALISED)
    expect(await initOf(archive, partition)).toBeNull()
  })

  test('does not wait for another one that was added with it and that has to stop', async () => {
    const archive = await testArchive('added-both')
    const sink = sinkOf(archive)
    const put = new PutObjectCommand({
      ...{ Bucket: archive.bucket.name, Key: initKey(added(archive, 1)), Body: 'forged' },
    })
    await archive.bucket.client.send(put)
    await expect(sink.claim(added(archive, 1), signal, WHOLE)).rejects.toMatchObject({
      code: 'DAYBOOK_COLD_CONTRADICTED',
    })
    const lost = sink.claim(added(archive, 2), signal, { logStart: 7n, logEnd: 9n, readableEnd: 9n })
    await expect(lost).rejects.toMatchObject(NOT_INITIALISED)
    await expect(sink.claim(added(archive, 3), signal, WHOLE)).resolves.toBeDefined()
  })
})

test("no worker starts a topic's first partition, a topic that was made again, or another topic", async () => {
  const archive = await testArchive('added-not')
  const sink = sinkOf(archive)
  const other = testPartition('audit.events.hipaa', 1)
  await expect(sink.claim(other, signal, WHOLE)).rejects.toMatchObject(NOT_INITIALISED)
  await expect(sink.claim({ ...other, partition: 0 }, signal, WHOLE)).rejects.toMatchObject(NOT_INITIALISED)
  const again = testPartition(archive.partition.topic, 1)
  await expect(sink.claim(again, signal, WHOLE)).rejects.toMatchObject({
    code: 'DAYBOOK_COLD_TOPIC_RECREATED',
  })
  expect(await initOf(archive, again)).toBeNull()
})
