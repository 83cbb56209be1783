import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { sendRaw } from '../../support/raw-request.ts'
import { createTopic } from './broker.ts'
import { type OwnBroker, startBroker } from './own-broker.ts'

const MIB = 2 ** 20
const METADATA = { apiKey: 3, apiVersion: 9 } as const
/** How the virtual machine ends that is told to end where memory is used up. */
const OUT_OF_MEMORY_STATUS = 3

let broker: OwnBroker
beforeAll(async () => {
  broker = await startBroker()
}, 60_000)
afterAll(() => broker.close(), 60_000)

/** Nothing but empty names of topics, two bytes each: as objects they take thirty times as much. */
function emptyNames(bytes: number): Buffer {
  const names = bytes / 2
  const count: number[] = []
  let rest = names + 1
  for (; rest >= 0x80; rest >>>= 7) count.push((rest & 0x7f) | 0x80)
  const pair = Buffer.alloc(bytes)
  for (let at = 0; at < bytes; at += 2) pair[at] = 1
  return Buffer.concat([Buffer.of(0), Buffer.of(...count, rest), pair, Buffer.alloc(4)])
}

it('a broker whose memory is used up all the same ends, and goes on with what it had when it is started again', async () => {
  await createTopic(broker.admin, 'kept', 1, {})
  const [address = ''] = broker.brokers
  const ended = vi.fn()
  broker.component.onUnexpectedExit(ended)
  const body = emptyNames(19 * MIB)
  const ends = await Promise.all([0, 1, 2].map(() => sendRaw({ broker: address, ...METADATA, body })))
  expect(ends.map(({ kind }) => kind)).toEqual(['closed', 'closed', 'closed'])
  await vi.waitFor(() => expect(ended).toHaveBeenCalledWith({ status: OUT_OF_MEMORY_STATUS, code: null }), {
    timeout: 60_000,
  })
  await broker.component.start()
  await vi.waitFor(async () => expect(await broker.admin.listTopics()).toContain('kept'), { timeout: 20_000 })
}, 180_000)
