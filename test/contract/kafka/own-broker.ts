import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import type { Component } from '../../../infra/local/components/component.ts'
import { kafkaComponent } from '../../../infra/local/components/kafka.ts'

/** A broker of one test's own, whose settings and life others do not see. */
export interface OwnBroker {
  readonly brokers: readonly string[]
  readonly admin: Admin
  readonly component: Component
  /** Where its logs stand. */
  readonly logDir: string
  close(): Promise<void>
}

export async function startBroker(settings: Readonly<Record<string, string>> = {}): Promise<OwnBroker> {
  const jarDir = process.env['DAYBOOK_KAFKA_JARS']
  if (jarDir === undefined) throw new Error('DAYBOOK_KAFKA_JARS is not set: run the tests through `npm test`')
  const folder = mkdtempSync(join(tmpdir(), 'daybook-broker-'))
  const [port, controllerPort] = [await freePort(), await freePort()]
  const files = { dataDir: join(folder, 'kafka'), logFile: join(folder, 'kafka.log') }
  const component = kafkaComponent({ jarDir, port, controllerPort, settings, ...files })
  await component.start()
  const brokers = [`127.0.0.1:${port}`]
  const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  return {
    brokers,
    admin,
    component,
    logDir: join(files.dataDir, 'log'),
    close: async () => {
      await admin.disconnect()
      await component.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
