import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  createAuditLog,
  type KafkaOptions,
  kafka,
  type Problem,
} from '../../../../producers/sdk/src/index.ts'
import { testStack } from '../../../support/stack.ts'
import { tcpProxy } from '../../../support/tcp-proxy.ts'
import { aTopic, type TestTopic } from './topic.ts'

const EVENT = { target: { type: 'order', id: '1' }, actor: { id: 'u', type: 'user' } } as const

function open(topic: TestTopic, options: Partial<KafkaOptions> & { maxEventBytes?: number } = {}) {
  const { kafka: cluster, registry } = testStack()
  const { maxEventBytes, ...transport } = options
  const problems: Problem[] = []
  const dir = mkdtempSync(join(tmpdir(), 'daybook-sdk-'))
  const audit = createAuditLog({
    service: { name: 'orders' },
    tenant: 'acme',
    spool: { dir },
    transport: kafka({ brokers: cluster.brokers, registry, topicPrefix: topic.prefix, ...transport }),
    onProblem: (problem) => problems.push(problem),
    ...(maxEventBytes === undefined ? {} : { maxEventBytes }),
  })
  onTestFinished(async () => {
    await audit.close({ timeoutMs: 0 })
    rmSync(dir, { recursive: true, force: true })
  })
  return { audit, problems }
}

describe('the SDK and Kafka', () => {
  test('a registry that is down blocks no emit, and sending starts when it is back', async () => {
    const topic = await aTopic()
    const { registry } = testStack()
    const url = new URL(registry.url)
    const proxy = await tcpProxy({ host: url.hostname, port: Number(url.port) })
    proxy.refuse()
    const { audit, problems } = open(topic, {
      registry: { ...registry, url: `http://127.0.0.1:${proxy.port}${url.pathname}` },
    })
    const emitted = audit.emit('order.updated', EVENT)
    expect(emitted.state).toBe('spooled')
    await vi.waitFor(
      () => expect(problems.map(({ code }) => code)).toContain('DAYBOOK_SDK_REGISTRY_UNAVAILABLE'),
      30_000,
    )
    proxy.resume()
    await emitted.acknowledged({ timeoutMs: 20_000 })
    await proxy.close()
  })

  test('one key keeps its order, and the broker clock is compared', async () => {
    const topic = await aTopic()
    const { audit } = open(topic)
    const ids = Array.from({ length: 3_000 }, () => audit.emit('order.updated', EVENT).eventId)
    expect(await audit.flush()).toBe(true)
    const events = (await topic.read()).filter(({ action }) => action === 'order.updated')
    expect(events.map(({ eventId }) => eventId)).toEqual(ids)
    expect(new Set(events.map(({ partition }) => partition)).size).toBe(1)
    expect(Math.abs(audit.status().clockOffsetMs ?? Number.NaN)).toBeLessThan(1_000)
  })

  test('a single record beyond the topic limit does not stop its neighbours', async () => {
    const topic = await aTopic({ 'max.message.bytes': '20000' })
    const { audit, problems } = open(topic, { maxBatchBytes: 15_000 })
    const before = audit.emit('order.updated', EVENT)
    const huge = audit.emit('order.updated', { ...EVENT, reason: 'x'.repeat(50_000) })
    const after = audit.emit('order.updated', EVENT)
    await after.acknowledged({ timeoutMs: 20_000 })
    await before.acknowledged({ timeoutMs: 20_000 })
    await expect(huge.acknowledged({ timeoutMs: 20_000 })).rejects.toMatchObject({
      code: 'DAYBOOK_SDK_RECORD_REJECTED',
    })
    await vi.waitFor(
      () => expect(problems.map(({ code }) => code)).toContain('DAYBOOK_SDK_RECORD_REJECTED'),
      30_000,
    )
    expect((await topic.read()).map(({ eventId }) => eventId)).toEqual(
      expect.arrayContaining([before.eventId, after.eventId]),
    )
  })

  test('unreachable brokers throw nothing into the application', async () => {
    const rejections: unknown[] = []
    const note = (reason: unknown) => rejections.push(reason)
    process.on('unhandledRejection', note)
    onTestFinished(() => {
      process.off('unhandledRejection', note)
    })
    const { audit, problems } = open(await aTopic(), { brokers: ['127.0.0.1:9'] })
    expect(audit.emit('order.updated', EVENT).state).toBe('spooled')
    await vi.waitFor(
      () => expect(problems.map(({ code }) => code)).toContain('DAYBOOK_SDK_BROKER_UNAVAILABLE'),
      30_000,
    )
    expect(await audit.close({ timeoutMs: 100 })).toBe(false)
    expect(rejections).toEqual([])
  })
})
