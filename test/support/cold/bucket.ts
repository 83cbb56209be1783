import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { ObjectStore } from '../../../runtime/object-store/contract.ts'
import { createS3Store, type S3StoreOptions } from '../../../runtime/object-store/s3.ts'
import { testStack } from '../stack.ts'

export interface TestBucket {
  readonly name: string
  readonly client: S3Client
  readonly options: S3StoreOptions
  readonly store: ObjectStore
}

let made = 0

/** A new bucket with Object Lock, and both our store and a plain client for it. */
export async function testBucket(prefix: string): Promise<TestBucket> {
  const { endpoint, region, accessKeyId, secretAccessKey } = testStack().s3
  const name = `${prefix}-${process.pid}-${Date.now()}-${made++}`
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  })
  await client.send(new CreateBucketCommand({ Bucket: name, ObjectLockEnabledForBucket: true }))
  const options = { bucket: name, endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true }
  return { name, client, options, store: createS3Store(options) }
}
