/** Emits in a loop and prints the id of each event whose emit has returned, until it is killed. */
import { writeSync } from 'node:fs'
import { createAuditLog, kafka } from '../../../../producers/sdk/src/index.ts'

const [dir = '', broker = '', registry = '', topicPrefix = '', large = ''] = process.argv.slice(2)
const audit = createAuditLog({
  service: { name: 'victim' },
  tenant: 'acme',
  spool: { dir },
  transport: kafka({ brokers: [broker], registry: JSON.parse(registry), topicPrefix }),
})
const reason = 'r'.repeat(Number(large))

function burst(): void {
  for (let i = 0; i < 20; i++) {
    const target = { type: 'order', id: String(i) }
    const { eventId, state } = audit.emit('order.updated', {
      target,
      actor: { id: 'u', type: 'user' },
      reason,
    })
    if (state === 'spooled') writeSync(1, `${eventId}\n`)
  }
  setImmediate(burst)
}
burst()
