import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { createTopic } from './broker.ts'
import { createMember, joined } from './member.ts'
import { type OwnBroker, startBroker } from './own-broker.ts'

let own: OwnBroker
beforeAll(async () => {
  own = await startBroker()
}, 120_000)
afterAll(() => own.close())

describe('a broker that goes away', { timeout: 120_000 }, () => {
  it('costs a member nothing but time, and commits work again when it is back', async () => {
    const topic = `restart.${randomUUID()}`
    await createTopic(own.admin, topic, 2, {})
    const member = await joined(own.brokers, [topic])
    await own.component.stop()
    await vi.waitFor(() => expect(member.troubles.at(-1)).toMatchObject({ retryable: true }), {
      timeout: 30_000,
    })
    await own.component.start()
    await vi.waitFor(() => expect(member.troubles.at(-1)).toBeNull(), { timeout: 60_000 })
    await vi.waitFor(
      async () => {
        const group = member.generations.at(-1)?.group
        if (group === undefined) throw new Error('no generation')
        expect(await member.membership.commit(group, [{ topic, partition: 0, next: 0n }])).toEqual([])
      },
      { timeout: 30_000 },
    )
    expect(member.held()).toEqual([`${topic}/0`, `${topic}/1`])
    expect(member.crashes).toEqual([])
    await member.membership.leave()
  })

  it('is waited for by a member that has not joined yet, which can be stopped meanwhile', async () => {
    await own.component.stop()
    const member = createMember(own.brokers, ['any'])
    const joining = member.membership.join()
    await vi.waitFor(() => expect(member.troubles.at(-1)).toMatchObject({ retryable: true }), {
      timeout: 60_000,
    })
    const from = performance.now()
    await member.membership.leave()
    await expect(joining).rejects.toMatchObject({ code: 'DAYBOOK_RUNTIME_ABORTED' })
    expect(performance.now() - from).toBeLessThan(15_000)
  })
})
