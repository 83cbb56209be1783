import { describe, expect, test } from 'vitest'
import { FakeTransport } from './fake-transport.ts'
import { emitMany, eventually, ORDER, open, temporaryDirectory } from './harness.ts'

describe('delivery', () => {
  test('keeps the order of emit per key, through an outage with a backlog on disk', async () => {
    const transport = new FakeTransport()
    transport.online = false
    const { audit } = open({ dir: temporaryDirectory(), transport, memoryBytes: 10_000 })
    emitMany(audit, 500)
    for (let i = 0; i < 500; i++) audit.emit('order.updated', ORDER)
    await eventually(() => expect(transport.attempts).toBeGreaterThan(1))
    transport.online = true
    for (let i = 0; i < 500; i++) {
      audit.emit('order.updated', ORDER)
      if (i % 10 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await audit.flush()).toBe(true)
    expect(new Set(transport.sequences).size).toBe(1_501)
    const ofKey = Map.groupBy(transport.sent, ({ key }) => key.toString('hex'))
    for (const entries of ofKey.values()) {
      const sequences = entries.map(({ sequence }) => sequence)
      expect(sequences).toEqual([...sequences].sort((a, b) => a - b))
    }
  })

  test('holds a long outage on disk, not in memory', async () => {
    const transport = new FakeTransport()
    transport.online = false
    const memoryBytes = 50_000
    const { audit } = open({ dir: temporaryDirectory(), transport, memoryBytes })
    for (let i = 0; i < 100; i++) {
      emitMany(audit, 100)
      await new Promise((resolve) => setImmediate(resolve))
      expect(audit.status().spool.memoryBytes).toBeLessThanOrEqual(memoryBytes)
    }
    expect(audit.status().spool.bytes).toBeGreaterThan(1_000_000)
    let mostBytes = 0
    transport.onSend = () => {
      mostBytes = Math.max(mostBytes, audit.status().spool.memoryBytes)
      emitMany(audit, 30)
      mostBytes = Math.max(mostBytes, audit.status().spool.memoryBytes)
    }
    transport.online = true
    await eventually(() => expect(audit.status().counts.acknowledged).toBeGreaterThan(10_001))
    transport.onSend = () => {}
    expect(await audit.flush()).toBe(true)
    expect(mostBytes).toBeLessThanOrEqual(memoryBytes)
    expect(new Set(transport.sequences).size).toBe(audit.status().lastSequence)
    expect(audit.status().spool.memoryBytes).toBe(0)
  })

  test('a record that the broker never takes is kept aside and does not stop its neighbours', async () => {
    const transport = new FakeTransport()
    transport.rejects = ({ sequence }) => sequence === 3
    const { audit, problems } = open({ dir: temporaryDirectory(), transport })
    const [, third, fourth] = [1, 2, 3].map(() => audit.emit('order.updated', ORDER))
    await fourth?.acknowledged({ timeoutMs: 5_000 })
    await eventually(() => expect(problems.map(({ code }) => code)).toEqual(['DAYBOOK_SDK_RECORD_REJECTED']))
    expect(problems[0]?.message).toMatch(/kept as/)
    expect(audit.status().counts).toMatchObject({ rejected: 1 })
    await expect(third?.acknowledged()).rejects.toMatchObject({ code: 'DAYBOOK_SDK_RECORD_REJECTED' })
  })

  test('acknowledged rejects after its time, and the event is sent later', async () => {
    const transport = new FakeTransport()
    transport.online = false
    const { audit } = open({ transport })
    const emitted = audit.emit('order.updated', ORDER)
    await expect(emitted.acknowledged({ timeoutMs: 20 })).rejects.toMatchObject({
      code: 'DAYBOOK_SDK_NOT_ACKNOWLEDGED',
    })
    transport.online = true
    await emitted.acknowledged({ timeoutMs: 10_000 })
    await emitted.acknowledged({ timeoutMs: 0 })
  })

  test('close says when something was left', async () => {
    const transport = new FakeTransport()
    transport.online = false
    const { audit } = open({ dir: temporaryDirectory(), transport })
    audit.emit('order.updated', ORDER)
    expect(await audit.close({ timeoutMs: 20 })).toBe(false)
  })
})
