import { expect, test } from 'vitest'
import { initPartitions } from '../../../operations/archive-init.ts'
import type { ObjectStore } from '../../../runtime/object-store/contract.ts'
import { DaybookError } from '../../../schemas/errors.ts'
import { coldContext } from '../../support/cold/sink.ts'

const topicId = '00000000-0000-4000-8000-000000000001'
const partitions = [0, 1].map((partition) => ({ topic: 'audit.events.standard', topicId, partition }))
const fault = new DaybookError('DAYBOOK_S3_FORBIDDEN', 'no right to write')

test('the store stays open until every partition is done with, also when the first has failed', async () => {
  const slow = Promise.withResolvers<void>()
  const seen: string[] = []
  const store: Pick<ObjectStore, 'create' | 'list' | 'close'> = {
    create: async ({ key }) => {
      if (key.includes('p=0')) throw fault
      await slow.promise
      seen.push('created')
      return { kind: 'created', versionId: '1' }
    },
    list: async function* () {},
    close: () => seen.push('closed'),
  }
  const context = coldContext(store as ObjectStore)
  const started = initPartitions(context, partitions, { reason: 'test' })
  const ended = started.catch((error: unknown) => error)
  await new Promise((resolve) => setImmediate(resolve))
  slow.resolve()
  expect(await ended).toBe(fault)
  expect(seen).toEqual(['created', 'closed'])
})
