import { S3ServiceException } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { s3Fault } from '../../../runtime/object-store/s3-faults.ts'

const where = { action: 'creation', key: 'k', bucket: 'b' }

function answer(name: string, httpStatusCode: number) {
  return s3Fault(new S3ServiceException({ name, $fault: 'client', $metadata: { httpStatusCode } }), where)
}

test.each([
  ['AccessDenied', 403],
  ['Forbidden', 403],
  ['AllAccessDisabled', 403],
])('%s (%d) may be about this key alone, so it stops the partition', (name, status) => {
  expect(answer(name, status)).toMatchObject({
    ...{ code: 'DAYBOOK_S3_FORBIDDEN', scope: 'partition', retryable: false },
  })
})

test.each([
  ['InvalidAccessKeyId', 403],
  ['SignatureDoesNotMatch', 403],
  ['ExpiredToken', 400],
  ['InvalidToken', 400],
  ['RequestTimeTooSkewed', 403],
  ['Unauthorized', 401],
  ['XAdminUserNotFound', 404],
])("%s (%d) is about the worker's own credentials or clock, so it stops the worker", (name, status) => {
  expect(answer(name, status)).toMatchObject({
    ...{ code: 'DAYBOOK_S3_FORBIDDEN', scope: 'worker', retryable: false },
  })
})

test.each([
  ['NoSuchBucket', 404, 'DAYBOOK_S3_NOT_FOUND'],
  ['NoSuchKey', 404, 'DAYBOOK_S3_NOT_FOUND'],
  ['InvalidRequest', 400, 'DAYBOOK_S3_REFUSED'],
])('%s (%d) stops the partition', (name, status, code) => {
  expect(answer(name, status)).toMatchObject({ code, scope: 'partition', retryable: false })
})

test.each([
  ['SlowDown', 503],
  ['InternalError', 500],
  ['RequestTimeout', 400],
  ['TooManyRequests', 429],
])('%s (%d) passes', (name, status) => {
  expect(answer(name, status)).toMatchObject({ code: 'DAYBOOK_S3_UNAVAILABLE', retryable: true })
})
