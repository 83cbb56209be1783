import { CreateBucketCommand, DeleteObjectCommand } from '@aws-sdk/client-s3'
import { expect, test, vi } from 'vitest'
import { checkArchiveStore } from '../../../consumers/cold/check-store.ts'
import { lastObject } from '../../../consumers/cold/stored-objects.ts'
import type { ListRequest } from '../../../runtime/object-store/contract.ts'
import { createS3Store } from '../../../runtime/object-store/s3.ts'
import { objectKey, partitionPrefix } from '../../../schemas/archive/key.ts'
import { testBucket } from '../../support/cold/bucket.ts'
import { FIRST_MINUTE, testPartition } from '../../support/cold/ranges.ts'
import { storeWith } from '../../support/cold/store-with.ts'
import { toArray } from '../../support/cold/to-array.ts'
import { testStack } from '../../support/stack.ts'

const request = (key: string, body = 'body') => ({
  key,
  pieces: [Buffer.from(body.slice(0, 2)), Buffer.from(body.slice(2))],
  contentType: 'text/plain',
  retainUntil: new Date(Date.now() + 60_000),
})

test('a key is created once, locked, and can neither be deleted nor replaced', async () => {
  const { store, client, name } = await testBucket('store')
  const outcome = await store.create(request('a/b'))
  if (outcome.kind !== 'created') throw new Error(outcome.kind)
  expect(await store.create(request('a/b', 'other'))).toEqual({ kind: 'exists' })
  const version = { key: 'a/b', versionId: outcome.versionId }
  expect((await store.read(version)).toString()).toBe('body')
  expect((await store.read({ ...version, maxBytes: 3 })).toString()).toBe('bod')
  expect(await store.lockOf(version)).toMatchObject({ mode: 'COMPLIANCE' })
  const removal = new DeleteObjectCommand({ Bucket: name, Key: 'a/b', VersionId: outcome.versionId })
  await expect(client.send(removal)).rejects.toMatchObject({ $metadata: { httpStatusCode: 403 } })
})

test('errors say whether to try again', async () => {
  const { store, options } = await testBucket('store-errors')
  await expect(store.read({ key: 'none', versionId: '01M7YYZ729NTW2JS2WQ99P8Z2E' })).rejects.toMatchObject({
    retryable: false,
  })
  const past = { ...request('past'), retainUntil: new Date(0) }
  await expect(store.create(past)).rejects.toMatchObject({ code: 'DAYBOOK_S3_REFUSED', retryable: false })
  const stranger = createS3Store({ ...options, secretAccessKey: 'wrong' })
  await expect(stranger.create(request('x'))).rejects.toMatchObject({
    code: 'DAYBOOK_S3_FORBIDDEN',
    scope: 'worker',
    retryable: false,
  })
  const unknown = createS3Store({ ...options, accessKeyId: 'nobody' })
  await expect(toArray(unknown.list({ prefix: '' }))).rejects.toMatchObject({
    code: 'DAYBOOK_S3_FORBIDDEN',
    scope: 'worker',
  })
  const nowhere = createS3Store({ ...options, endpoint: 'http://127.0.0.1:9' })
  await expect(nowhere.create(request('x'))).rejects.toMatchObject({
    code: 'DAYBOOK_S3_UNAVAILABLE',
    retryable: true,
  })
  const missing = createS3Store({ ...options, bucket: 'no-such-bucket-anywhere' })
  await expect(toArray(missing.list({ prefix: '' }))).rejects.toMatchObject({ code: 'DAYBOOK_S3_NOT_FOUND' })
})

test('a bucket without Object Lock is told', async () => {
  const { store, client, options } = await testBucket('store-lock')
  await expect(checkArchiveStore(store)).resolves.toBeUndefined()
  const bucket = `${options.bucket}-open`
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  const open = createS3Store({ ...options, bucket })
  await expect(checkArchiveStore(open)).rejects.toMatchObject({
    code: 'DAYBOOK_COLD_NO_OBJECT_LOCK',
    scope: 'worker',
  })
  const missing = createS3Store({ ...options, bucket: 'no-such-bucket-anywhere' })
  await expect(checkArchiveStore(missing)).rejects.toMatchObject({
    code: 'DAYBOOK_S3_NOT_FOUND',
    scope: 'worker',
  })
  const stranger = createS3Store({ ...options, secretAccessKey: 'wrong' })
  await expect(checkArchiveStore(stranger)).rejects.toMatchObject({
    code: 'DAYBOOK_S3_FORBIDDEN',
    scope: 'worker',
  })
})

test('the end of a large partition is found with few requests', { timeout: 60_000 }, async () => {
  const { store } = await testBucket('store-many')
  const partition = testPartition('t', 1)
  const other = { ...partition, partition: 10 }
  const put = (minute: number, first: bigint, ref = partition) =>
    store.create(request(objectKey({ ...ref, minute, first })))
  const minutes = Array.from({ length: 150 }, (_, i) => FIRST_MINUTE - i * 11 * 3_600_000)
  for (const [i, minute] of minutes.entries()) await put(minute, BigInt(minutes.length - i))
  await put(FIRST_MINUTE + 86_400_000 * 400, 999n, other)
  await store.create(request(`${partitionPrefix(partition)}init`))
  await store.create(request(`${partitionPrefix(partition)}9999/not/ours`))

  const requests: ListRequest[] = []
  const counting = storeWith(store, {
    list: (listing) => {
      requests.push(listing)
      return store.list(listing)
    },
  })
  const expected = objectKey({ ...partition, minute: FIRST_MINUTE, first: 150n })
  expect((await lastObject({ store: counting }, partition, { after: null }))?.key).toBe(expected)
  expect(requests.length).toBeLessThanOrEqual(8)
  const hint = objectKey({ ...partition, minute: minutes[3] ?? 0, first: 147n })
  expect((await lastObject({ store }, partition, { after: hint }))?.key).toBe(expected)
  expect(await lastObject({ store }, partition, { after: expected })).toBeNull()
})

test('a listing of several pages gives each key once', { timeout: 60_000 }, async () => {
  const { store } = await testBucket('store-pages')
  const keys = Array.from({ length: 1100 }, (_, i) => `k/${String(i).padStart(5, '0')}`)
  for (let i = 0; i < keys.length; i += 20) {
    await Promise.all(keys.slice(i, i + 20).map((key) => store.create(request(key))))
  }
  const listed = await toArray(store.list({ prefix: 'k/' }))
  expect(listed.map((entry) => 'key' in entry && entry.key)).toEqual(keys)
  expect(listed.every((entry) => 'key' in entry && entry.versions.length === 1)).toBe(true)
})

test("without keys of its own the store takes AWS's usual ones", async () => {
  const { options } = await testBucket('store-chain')
  const roleOf = (accessKeyId: string, secretAccessKey: string) => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', accessKeyId)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secretAccessKey)
    return createS3Store({ ...options, accessKeyId: null, secretAccessKey: null })
  }
  try {
    const { s3 } = testStack()
    expect(await roleOf(s3.accessKeyId, s3.secretAccessKey).create(request('chain'))).toMatchObject({
      kind: 'created',
    })
    await expect(roleOf(s3.accessKeyId, 'wrong').create(request('other'))).rejects.toMatchObject({
      code: 'DAYBOOK_S3_FORBIDDEN',
    })
    vi.unstubAllEnvs()
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    const nobody = createS3Store({ ...options, accessKeyId: null, secretAccessKey: null })
    await expect(nobody.create(request('nobody'))).rejects.toThrow(
      /No credentials .* DAYBOOK_S3_ACCESS_KEY_ID/,
    )
  } finally {
    vi.unstubAllEnvs()
  }
})
