import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import type net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { createAuditLog, kafka } from '../../../../producers/sdk/src/index.ts'
import { testStack } from '../../../support/stack.ts'
import { type TcpProxy, tcpProxy } from '../../../support/tcp-proxy.ts'
import { aTopic, type ReadEvent, type TestTopic } from './topic.ts'

const EVENT = { target: { type: 'order', id: '1' }, actor: { id: 'u', type: 'user' } } as const
const REQUEST_TIMEOUT_MS = 1_500

/** The broker advertises its own address: the client's connections to it are led through a relay instead. */
async function relayed(): Promise<TcpProxy> {
  const [host = '', port = ''] = (testStack().kafka.brokers[0] ?? '').split(':')
  const proxy = await tcpProxy({ host, port: Number(port) })
  const sockets: typeof net = createRequire(import.meta.url)('node:net')
  const connect = sockets.connect
  const spy = vi
    .spyOn(sockets, 'connect')
    .mockImplementation(((options: net.TcpNetConnectOpts, ...rest: never[]) =>
      connect(
        options.port === Number(port) && redirected()
          ? { ...options, host: '127.0.0.1', port: proxy.port }
          : options,
        ...rest,
      )) as typeof connect)
  onTestFinished(async () => {
    spy.mockRestore()
    await proxy.close()
  })
  return proxy
}

/** Not the relay's own connection to the broker. */
function redirected(): boolean {
  return new Error('stack').stack?.includes('kafkajs') ?? false
}

function open(topic: TestTopic) {
  const { kafka: cluster, registry } = testStack()
  const dir = mkdtempSync(join(tmpdir(), 'daybook-sdk-'))
  const audit = createAuditLog({
    service: { name: 'orders' },
    tenant: 'acme',
    spool: { dir },
    transport: kafka({
      brokers: cluster.brokers,
      registry,
      topicPrefix: topic.prefix,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      lanes: 1,
    }),
  })
  onTestFinished(async () => {
    await audit.close({ timeoutMs: 0 })
    rmSync(dir, { recursive: true, force: true })
  })
  return audit
}

const emitMany = (audit: ReturnType<typeof open>, count: number) =>
  Array.from({ length: count }, () => audit.emit('order.updated', EVENT).eventId)

/** Three times: the line is broken while an answer is on its way, mended, and all is acknowledged. Gives the ids. */
async function emitOverBreaks(
  audit: ReturnType<typeof open>,
  proxy: TcpProxy,
  line: { readonly breaks: () => void; readonly mends: () => void },
): Promise<string[]> {
  const ids = emitMany(audit, 10)
  expect(await audit.flush()).toBe(true)
  for (let round = 0; round < 3; round++) {
    line.breaks()
    const answered = proxy.nextServerBytes()
    ids.push(...emitMany(audit, 100))
    await answered
    ids.push(...emitMany(audit, 100))
    line.mends()
    expect(await audit.flush()).toBe(true)
  }
  return ids
}

/** Ids in the order of their first copies, which are those that show. */
async function orderUpdates(topic: TestTopic): Promise<string[]> {
  const updates = (await topic.read()).filter(({ action }) => action === 'order.updated')
  const first = new Map<string, ReadEvent>()
  for (const event of updates) {
    const known = first.get(event.eventId)
    if (known === undefined) first.set(event.eventId, event)
    else expect([event.value, event.partition]).toEqual([known.value, known.partition])
  }
  return [...first.keys()]
}

describe('a produce request that took effect and whose answer was lost', () => {
  test('is sent again: nothing is lost, nothing reordered, and copies are the same event in the same partition', async () => {
    const topic = await aTopic()
    const proxy = await relayed()
    const audit = open(topic)
    const ids = await emitOverBreaks(audit, proxy, {
      breaks: () => proxy.stallServerBytes(),
      mends: () => proxy.resume(),
    })
    expect(proxy.counts.swallowedToClient).toBeGreaterThan(0)
    expect(await orderUpdates(topic)).toEqual(ids)
  })

  test('an outage in the middle of a stream costs nothing and keeps the order', async () => {
    const topic = await aTopic()
    const proxy = await relayed()
    const audit = open(topic)
    const ids = emitMany(audit, 10)
    expect(await audit.flush()).toBe(true)
    proxy.refuse()
    ids.push(...emitMany(audit, 2_000))
    await vi.waitFor(
      () => expect(audit.status().lastError?.code).toBe('DAYBOOK_SDK_BROKER_UNAVAILABLE'),
      20_000,
    )
    proxy.resume()
    ids.push(...emitMany(audit, 100))
    expect(await audit.flush()).toBe(true)
    expect(audit.status().lastError).toBeNull()
    expect(await orderUpdates(topic)).toEqual(ids)
  })

  test('an answer that breaks off in its middle does no harm to the next connection', async () => {
    const topic = await aTopic()
    const proxy = await relayed()
    const audit = open(topic)
    // A cut is over with the answer that it met.
    const ids = await emitOverBreaks(audit, proxy, { breaks: () => proxy.cutNextAnswer(), mends: () => {} })
    expect(proxy.counts.cutAnswers).toBe(3)
    expect(await orderUpdates(topic)).toEqual(ids)
  })
})
