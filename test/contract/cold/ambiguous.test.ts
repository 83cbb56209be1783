import { expect, test } from 'vitest'
import type { Failpoint, Failpoints } from '../../../runtime/failpoints.ts'
import type { ObjectStore } from '../../../runtime/object-store/contract.ts'
import { createS3Store } from '../../../runtime/object-store/s3.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import { testArchive } from '../../support/cold/archive.ts'
import { keysOf } from '../../support/cold/keys.ts'
import { eventRecords, rangeOf } from '../../support/cold/ranges.ts'
import { storeWith } from '../../support/cold/store-with.ts'
import { tcpProxy } from '../../support/tcp-proxy.ts'

const records = eventRecords({ first: 0n, count: 500 })

/** A store whose answers to `create` are lost. */
function losingAnswers(store: ObjectStore): ObjectStore {
  return storeWith(store, {
    create: async (request, signal) => {
      await store.create(request, signal)
      throw new DaybookError('DAYBOOK_S3_UNAVAILABLE', 'answer lost', { retryable: true })
    },
  })
}

test('after a lost answer the tip shows the range, and the worker goes on', async () => {
  const archive = await testArchive('lost-answer')
  const a = await archive.worker({ store: losingAnswers(archive.bucket.store) })
  const range = rangeOf(archive.partition, records)
  await expect(a.deliver(range)).rejects.toMatchObject({ code: 'DAYBOOK_S3_UNAVAILABLE', retryable: true })
  expect((await a.claim.tip()).last).toBe(499n)
  const b = await archive.worker()
  expect(await b.deliver(rangeOf(archive.partition, eventRecords({ first: 500n, count: 3 })))).toBe(
    'delivered',
  )
})

test('the same range sent again after a lost answer is delivered, once', async () => {
  const archive = await testArchive('sent-again')
  const a = await archive.worker({ store: losingAnswers(archive.bucket.store) })
  const b = await archive.worker()
  const range = rangeOf(archive.partition, records)
  await expect(a.deliver(range)).rejects.toMatchObject({ retryable: true })
  expect(await b.deliver(range)).toBe('delivered')
  expect(await keysOf(archive)).toHaveLength(1)
})

test.each(['send.after', 'effect.before'] as const)(
  'a body that breaks off at %s leaves nothing behind',
  async (name) => {
    const archive = await testArchive('break-off')
    const { hostname, port } = new URL(archive.bucket.options.endpoint ?? '')
    const proxy = await tcpProxy({ host: hostname, port: Number(port) })
    const endpoint = `http://127.0.0.1:${proxy.port}`
    const store = createS3Store({ ...archive.bucket.options, endpoint })
    const cutting: Failpoints = {
      hit: (reached: Failpoint) => (reached === name ? Promise.resolve(proxy.drop()) : undefined),
    }
    const a = await archive.worker({ store, failpoints: cutting })
    const range = rangeOf(archive.partition, records)
    await expect(a.deliver(range)).rejects.toMatchObject({ code: 'DAYBOOK_S3_UNAVAILABLE', retryable: true })
    expect(await keysOf(archive)).toHaveLength(0)
    await proxy.close()
    store.close()
    expect(await (await archive.worker()).deliver(range)).toBe('delivered')
  },
)

test('each step of a delivery passes its failpoints in order', async () => {
  const archive = await testArchive('failpoints')
  const seen: Failpoint[] = []
  const noting: Failpoints = {
    hit: (name) => {
      seen.push(name)
      return undefined
    },
  }
  const a = await archive.worker({ failpoints: noting })
  await a.claim.tip()
  await a.deliver(rangeOf(archive.partition, records))
  expect(seen).toEqual([
    ...['fence.before', 'fence.after', 'tip.before', 'tip.after'],
    ...['send.before', 'send.after', 'effect.before', 'effect.after', 'answer.before', 'answer.after'],
  ])
})
