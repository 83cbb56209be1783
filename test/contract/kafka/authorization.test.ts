import { randomUUID } from 'node:crypto'
import type { Admin } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { partitionKey } from '../../../consumers/engine/contracts.ts'
import { createKafkaClient } from '../../../consumers/kafka/client/kafka-client.ts'
import { openCluster } from '../../../consumers/kafka/client/open-cluster.ts'
import { checkTopics } from '../../../consumers/kafka/topics/check-topics.ts'
import { readSettings } from '../../../consumers/kafka/topics/read-settings.ts'
import { createTopic } from './broker.ts'
import { createMember, joined } from './member.ts'
import { type OwnBroker, startBroker } from './own-broker.ts'

const RESOURCE = { topic: 2, group: 3 } as const
const ANY_OPERATION = 2
const DENY = 2
const LITERAL = 3

/** A broker of its own: rights concern everybody who is connected to it. */
let own: OwnBroker
let brokers: readonly string[]
let admin: Admin
beforeAll(async () => {
  own = await startBroker({
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'allow.everyone.if.no.acl.found': 'true',
  })
  ;({ brokers, admin } = own)
}, 120_000)
afterAll(() => own.close())

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
    }, 30_000)
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
