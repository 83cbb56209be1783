import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { announce, sendRaw } from '../../support/raw-request.ts'
import { type OwnBroker, startBroker } from './own-broker.ts'

const MIB = 2 ** 20
const API_VERSIONS = { apiKey: 18, apiVersion: 0, body: Buffer.alloc(0) } as const
const HELD_UP_MS = 500

let broker: OwnBroker
let address: string
beforeAll(async () => {
  broker = await startBroker()
  address = broker.brokers[0] ?? ''
}, 60_000)
afterAll(() => broker.close(), 60_000)

const ask = () => sendRaw({ broker: address, ...API_VERSIONS })

it('a request larger than the bound ends its connection alone, unread', async () => {
  const body = Buffer.alloc(21 * MIB)
  expect(await sendRaw({ broker: address, apiKey: 0, apiVersion: 7, body })).toEqual({ kind: 'closed' })
  expect(await ask()).toMatchObject({ kind: 'answered' })
})

it('requests that are announced and not sent hold others up only as long as their connections stand', async () => {
  const pid = broker.component.pid()
  const idle = await Promise.all(Array.from({ length: 60 }, () => announce(address, 19 * MIB)))
  const waiting: ReturnType<typeof ask>[] = []
  await vi.waitFor(
    async () => {
      const one = ask()
      waiting.push(one)
      const late = new Promise((resolve) => setTimeout(resolve, HELD_UP_MS, 'held up'))
      expect(await Promise.race([one, late])).toBe('held up')
    },
    { timeout: 20_000 },
  )
  for (const socket of idle) socket.destroy()
  for (const one of waiting) expect(await one).toMatchObject({ kind: 'answered' })
  expect(broker.component.pid()).toBe(pid)
}, 40_000)
