import { openSync, writeSync } from 'node:fs'
import { createAuditLog, kafka } from '../../../producers/sdk/src/index.ts'

/**
 * A producing application, as a process that may be killed at any moment. Emits at a steady rate and writes the id
 * of each event to a file after `emit` has returned that it is spooled. After `count` events it goes on slowly, so
 * that workers always have something to do, until its standard input ends; then it waits for the last
 * acknowledgement and ends.
 */
const [brokers = '', registry = '', prefix = '', spool = '', ids = '', count = '0', perSecond = '1'] =
  process.argv.slice(2)

const audit = createAuditLog({
  service: { name: 'faults' },
  transport: kafka({
    brokers: [brokers],
    registry: { url: registry },
    retentions: ['standard', 'hipaa'],
    topicPrefix: prefix,
    requestTimeoutMs: 2_000,
  }),
  spool: { dir: spool, fsyncMs: 50 },
  tenant: 'acme',
})
const out = openSync(ids, 'a')
const TICK_MS = 20
const TRICKLE_PER_TICK = 2
let emitted = 0
let told = false
process.stdin.once('end', () => {
  told = true
})
process.stdin.resume()

await new Promise<void>((resolve) => {
  const startedAt = Date.now()
  const timer = setInterval(() => {
    const due = Math.min(Number(count), Math.floor(((Date.now() - startedAt) / 1_000) * Number(perSecond)))
    while (emitted < due) emitOne(emitted++)
    if (emitted < Number(count)) return
    if (!told) {
      for (let i = 0; i < TRICKLE_PER_TICK; i++) emitOne(emitted++)
      return
    }
    clearInterval(timer)
    resolve()
  }, TICK_MS)
})
await audit.flush({ timeoutMs: 60_000 })
await audit.close()

function emitOne(i: number): void {
  const { eventId, state } = audit.emit(i % 3 === 0 ? 'order.updated' : 'order.viewed', {
    target: { type: 'order', id: `o-${i % 500}` },
    retention: i % 2 === 0 ? 'standard' : 'hipaa',
    changes: i % 3 === 0 ? [{ path: 'status', before: 'open', after: 'paid' }] : [],
    actor: { id: `u-${i % 50}`, type: 'user' },
    metadata: { note: 'x'.repeat(i % 200) },
  })
  if (state === 'spooled') writeSync(out, `${eventId}\n`)
}
