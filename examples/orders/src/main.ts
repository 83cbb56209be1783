import { createAuditLog, kafka } from '@daybook/sdk'
import { createServer } from './server.ts'

/**
 * Runs the service. From the environment: KAFKA_BROKERS, REGISTRY_URL, SPOOL_DIR, PORT (0: any free one). Prints
 * `listening <url>`; SIGTERM lets requests end, sends what is spooled, and leaves.
 */
function setting(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`set ${name}`)
  return value
}

const audit = createAuditLog({
  service: { name: 'orders', version: '0.1.0', environment: 'example' },
  transport: kafka({
    brokers: setting('KAFKA_BROKERS').split(','),
    registry: { url: setting('REGISTRY_URL') },
  }),
  spool: { dir: setting('SPOOL_DIR') },
  onProblem: (problem) => process.stderr.write(`${JSON.stringify(problem)}\n`),
})
const app = createServer({ audit })
const url = await app.listen({ port: Number(process.env['PORT'] ?? 0), host: '127.0.0.1' })
process.stdout.write(`listening ${url}\n`)

process.once('SIGTERM', async () => {
  await app.close()
  await audit.close()
})
