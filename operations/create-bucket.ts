import {
  CreateBucketCommand,
  GetObjectLockConfigurationCommand,
  HeadBucketCommand,
  NotFound,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { DaybookError } from '../schemas/errors.ts'
import type { Endpoints } from './endpoints.ts'

/** Makes sure that the bucket exists with Object Lock. The lock can only be given when a bucket is made. */
export async function createBucket(s3: Endpoints['s3'], bucket: string): Promise<void> {
  const client = new S3Client({
    endpoint: s3.endpoint,
    region: s3.region,
    forcePathStyle: true,
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
  })
  try {
    if (!(await exists(client, bucket)))
      await client.send(new CreateBucketCommand({ Bucket: bucket, ObjectLockEnabledForBucket: true }))
    if (!(await locked(client, bucket)))
      throw new DaybookError(
        'DAYBOOK_LOCAL_BUCKET_UNLOCKED',
        `bucket ${bucket} at ${s3.endpoint} has no Object Lock, so nothing in it would be evidence: name another bucket in DAYBOOK_S3_BUCKET`,
      )
  } finally {
    client.destroy()
  }
}

async function exists(client: S3Client, bucket: string): Promise<boolean> {
  try {
    await client.send(new HeadBucketCommand({ Bucket: bucket }))
    return true
  } catch (error) {
    if (error instanceof NotFound) return false
    throw error
  }
}

async function locked(client: S3Client, bucket: string): Promise<boolean> {
  try {
    const answer = await client.send(new GetObjectLockConfigurationCommand({ Bucket: bucket }))
    return answer.ObjectLockConfiguration?.ObjectLockEnabled === 'Enabled'
  } catch (error) {
    if (error instanceof S3ServiceException && error.name === 'ObjectLockConfigurationNotFoundError')
      return false
    throw error
  }
}
