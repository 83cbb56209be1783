import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { partitionKey } from '../../../consumers/engine/contracts.ts'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import { openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { checkTopics } from '../../../consumers/kafka/topics/check-topics.ts'
import { readSettings } from '../../../consumers/kafka/topics/read-settings.ts'
import type { Component } from '../../../infra/local/components/component.ts'
import { kafkaComponent } from '../../../infra/local/components/kafka.ts'
import { createTopic } from './broker.ts'
import { createMember, joined } from './member.ts'

const RESOURCE = { topic: 2, group: 3 } as const
const ANY_OPERATION = 2
const DENY = 2
const LITERAL = 3

/** A broker of its own: rights concern everybody who is connected to it. */
let dataDir: string
let kafka: Component
let brokers: readonly string[]
let admin: Admin
beforeAll(async () => {
  const jarDir = process.env['DAYBOOK_KAFKA_JARS']
  if (jarDir === undefined) throw new Error('DAYBOOK_KAFKA_JARS is not set: run the tests through `npm test`')
  dataDir = mkdtempSync(join(tmpdir(), 'daybook-rights-'))
  const [port, controllerPort] = [await freePort(), await freePort()]
  brokers = [`127.0.0.1:${port}`]
  const settings = {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': 'true',
  }
  const files = { dataDir: join(dataDir, 'kafka'), logFile: join(dataDir, 'kafka.log') }
  kafka = kafkaComponent({ jarDir, port, controllerPort, settings, ...files })
  await kafka.start()
  admin = new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
}, 120_000)
afterAll(async () => {
  await admin.disconnect()
  await kafka.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

const ruleOn = (resourceType: number, resourceName: string) => ({
  resourceType,
  resourceName,
  resourcePatternType: LITERAL,
  principal: 'User:ANONYMOUS',
  host: '*',
  operation: ANY_OPERATION,
  permissionType: DENY,
})

async function forbid(resourceType: number, resourceName: string): Promise<void> {
  await admin.createAcls({ acl: [ruleOn(resourceType, resourceName)] })
}

async function permit(resourceType: number, resourceName: string): Promise<void> {
  await admin.deleteAcls({ filters: [ruleOn(resourceType, resourceName)] })
}

async function topics(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, () => `rights.${randomUUID()}`)
  for (const name of names) await createTopic(admin, name, 1, {})
  return names
}

describe('a topic that may not be read', { timeout: 60_000 }, () => {
  it('has an error of its own, for its settings and its partitions, and the others none', async () => {
    const [open = '', closed = ''] = await topics(2)
    const { view, close } = await openCluster(createKafkaClient({ brokers }))
    const metadata = await view.metadata([open, closed])
    const refs = metadata.topics.map(({ topic, topicId }) => ({ topic, topicId, partition: 0 }))
    await forbid(RESOURCE.topic, closed)
    const readings = await vi.waitFor(async () => {
      const found = await readSettings(view, [open, closed])
      expect(found.get(closed)?.kind).toBe('error')
      return found
    })
    const facts = await view.facts(randomUUID(), refs)
    await close()
    expect(readings.get(open)?.kind).toBe('settings')
    const denied = { code: 'DAYBOOK_KAFKA_UNAUTHORIZED', scope: 'partition', retryable: false }
    expect(readings.get(closed)).toMatchObject({ error: denied })
    for (const ref of refs) {
      expect(facts.get(partitionKey(ref))).toMatchObject(
        ref.topic === open ? { ok: true } : { ok: false, error: denied },
      )
    }
    const findings = await checkTopics({ brokers, topics: [open, closed], quarantineTopic: null })
    expect(findings.filter(({ setting }) => setting === '').map(({ topic }) => topic)).toEqual([closed])
  })

  it('keeps no member from its other topics, and is taken up when it may be read', async () => {
    const [open = '', closed = ''] = await topics(2)
    await forbid(RESOURCE.topic, closed)
    const member = await joined(brokers, [open, closed])
    expect(member.held()).toEqual([`${open}/0`])
    await permit(RESOURCE.topic, closed)
    await vi.waitFor(() => expect(member.held()).toHaveLength(2), { timeout: 20_000 })
    expect(member.crashes).toEqual([])
    await member.membership.leave()
  })
})

describe('a group that may not be joined', { timeout: 60_000 }, () => {
  const denied = { code: 'DAYBOOK_KAFKA_UNAUTHORIZED', scope: 'worker', retryable: false }

  it('ends the worker that wants to join', async () => {
    const groupId = randomUUID()
    await forbid(RESOURCE.group, groupId)
    const member = createMember(brokers, await topics(1), { groupId })
    await expect(member.membership.join()).rejects.toMatchObject(denied)
    await member.membership.leave()
  })

  it('ends the worker that is a member already', async () => {
    const member = await joined(brokers, await topics(1))
    await forbid(RESOURCE.group, member.groupId)
    await vi.waitFor(() => expect(member.crashes).toMatchObject([denied]), { timeout: 20_000 })
    await member.membership.leave()
  })
})
