import { expect, it } from 'vitest'
import type { HotStore } from '../../../../../consumers/hot/clickhouse/store.ts'
import { createFence, NOBODY } from '../../../../../consumers/hot/ownership/fence.ts'
import { systemClock } from '../../../../../runtime/clock.ts'

const partition = { topic: 't', topicId: '00000000-0000-4000-8000-000000000001', partition: 0 }
const forever = new AbortController().signal

/** A fence in which another owner is always current, at this epoch or above the last bid. */
function contestedFence(other: { epoch: bigint }) {
  const bids: bigint[] = []
  const store = {
    database: 'daybook',
    append: async (_: string, rows: readonly { readonly epoch: string }[]) => {
      for (const { epoch } of rows) bids.push(BigInt(epoch))
    },
    rows: async () => {
      const last = bids.at(-1) ?? 0n
      const e = String(last >= other.epoch ? last + 1n : other.epoch)
      return [{ id: partition.topicId, p: 0, e, o: 'other', t: '-1' }]
    },
  } as unknown as HotStore
  const pauses: number[] = []
  const clock = { ...systemClock, sleep: async (ms: number) => void pauses.push(ms) }
  return { bids, pauses, fence: createFence({ store, clock }) }
}

const CONTENDED = { code: 'DAYBOOK_HOT_FENCE_CONTENDED', retryable: true, scope: 'partition' }

it('a partition that cannot be taken costs three rows a claim, with pauses between', async () => {
  const { fence, bids, pauses } = contestedFence({ epoch: 1n })
  await expect(fence.take(partition, NOBODY, 'me', forever)).rejects.toMatchObject(CONTENDED)
  expect(bids).toEqual([1n, 3n, 5n])
  expect(pauses.length).toBe(2)
})

it('no row is written above the greatest epoch that the table can hold', async () => {
  const { fence, bids } = contestedFence({ epoch: 2n ** 64n - 1n })
  const from = { ...NOBODY, epoch: 2n ** 64n - 1n, owner: 'other' }
  await expect(fence.take(partition, from, 'me', forever)).rejects.toMatchObject(CONTENDED)
  expect(bids).toEqual([])
})
