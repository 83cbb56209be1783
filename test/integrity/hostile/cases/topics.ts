import { randomUUID } from 'node:crypto'
import { createTopics } from '../../../../operations/create-topics.ts'
import { alterTopic, deleteTopic } from '../../../support/kafka/topic-admin.ts'
import { WORKERS } from '../../faults/plan.ts'
import { concernShown, healed, shown, stoppedBy } from '../expectations.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'

const ALL = [0, 1, 2] as const
const ADDED = [3, 4] as const
/** New partitions are taken up within a minute. */
const TAKE_UP_MS = 60_000

/** Topics, partitions and records that somebody makes or deletes. */
export const TOPIC_CASES: readonly HostileCase[] = [
  {
    name: 'topics: records are deleted that both stores hold',
    cells: ['topic admin/topics and partitions/stop', 'topic admin/topics and partitions/hide'],
    inTest: true,
    run: async (attack) => {
      const { topic, partition } = attack.target
      await attack.quiet([partition])
      const offsets = await attack.admin.fetchTopicOffsets(topic)
      const high = offsets.find((one) => one.partition === partition)?.high ?? '0'
      await attack.admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: high }] })
      await attack.resume()
      const event = randomUUID()
      await attack.sendValues([attack.validEvent({ event_id: event })])
      await shown(attack, [event])
    },
  },
  {
    name: 'topics: others are made whose names look like ours, with events in them',
    cells: ['topic admin/topics and partitions/falsify'],
    inTest: true,
    run: async (attack) => {
      const { topic } = attack.target
      const names = [`${topic}2`, `${topic}-value`, topic.toUpperCase(), `x${topic}`]
      await attack.admin.createTopics({
        topics: names.map((name) => ({ topic: name, numPartitions: 3, replicationFactor: 1 })),
      })
      const producer = attack.kafka.producer()
      await producer.connect()
      const planted = names.map((name) => ({ name, id: randomUUID() }))
      for (const { name, id } of planted)
        await producer.send({
          topic: name,
          messages: [{ partition: 0, value: attack.validEvent({ event_id: id }) }],
        })
      await producer.disconnect()
      const event = randomUUID()
      await attack.sendValues([attack.validEvent({ event_id: event })])
      await shown(attack, [event])
      await attack.admin.deleteTopics({ topics: names })
      const list = planted.map(({ id }) => `'${id}'`).join(',')
      const [row] = await attack.sql<{ n: string }>(
        `SELECT count() AS n FROM daybook.events WHERE event_id IN (${list})`,
      )
      if (row?.n !== '0') throw new Error(`${row?.n} events of foreign topics are in the table`)
    },
  },
  {
    name: 'topics: three hundred others are made and deleted',
    cells: ['topic admin/topics and partitions/delay'],
    inTest: false,
    run: async ({ admin, ground, until }) => {
      const topics = Array.from({ length: 300 }, (_, at) => `${ground.prefix}many${at}`)
      for (let at = 0; at < topics.length; at += 50) {
        const some = topics.slice(at, at + 50)
        await admin.createTopics({
          waitForLeaders: false,
          topics: some.map((topic) => ({ topic, numPartitions: 1, replicationFactor: 1 })),
        })
      }
      await admin.deleteTopics({ topics })
      await until('they are gone', async () => {
        const left = new Set(await admin.listTopics())
        return !topics.some((topic) => left.has(topic))
      })
    },
  },
  {
    name: 'topics: partitions are added',
    cells: ['topic admin/topics and partitions/stop', 'topic admin/topics and partitions/delay'],
    isolated: true,
    inTest: false,
    mayStop: ADDED,
    run: async (attack) => {
      const { topic } = attack.target
      await attack.admin.createPartitions({ topicPartitions: [{ topic, count: ALL.length + ADDED.length }] })
      const at = Date.now()
      await attack.until('the brokers know them', async () => {
        const { topics } = await attack.admin.fetchTopicMetadata({ topics: [topic] })
        return topics[0]?.partitions.length === ALL.length + ADDED.length
      })
      await attack.resume()
      for (const kind of WORKERS)
        for (const partition of ADDED)
          await attack.until(
            `the ${kind} worker delivers ${partition} within a minute`,
            async () =>
              (await attack.metric(kind, 'daybook_delivered_records_total', {
                topic,
                partition: String(partition),
              })) > 0,
            TAKE_UP_MS - (Date.now() - at),
          )
      const listed = await attack.daybook('archive', 'get', '--topic', topic, '--partition', '4', '--json')
      const first = listed.stdout.split('\n')[0] ?? ''
      if (listed.code !== 0 || !first.includes('"verified":true'))
        throw new Error(`the archive of the new partition: exit ${listed.code} ${first} ${listed.stderr}`)
    },
  },
  {
    name: 'topics: one is deleted, and made again under the same name',
    cells: [
      'topic admin/topics and partitions/stop',
      'topic admin/topics and partitions/hide',
      'topic admin/topics and partitions/falsify',
    ],
    isolated: true,
    inTest: false,
    mayStop: ALL,
    run: deleteAndMakeAgain,
  },
  {
    name: 'topics: records are deleted before they were delivered',
    cells: ['topic admin/topics and partitions/hide'],
    isolated: true,
    inTest: false,
    mayStop: ALL,
    run: deleteBeforeDelivered,
  },
  {
    name: 'topics: the quarantine topic is deleted, and made again',
    cells: ['topic admin/topics and partitions/stop', 'topic admin/topics and partitions/delay'],
    isolated: true,
    inTest: false,
    run: async (attack) => {
      const { quarantineTopic, topics } = attack.ground
      await deleteTopic(attack.admin, quarantineTopic)
      await concernShown(attack, 'DAYBOOK_KAFKA_TOPIC_MISSING', { topic: quarantineTopic, kinds: ['hot'] })
      await createTopics({
        kafka: attack.world.stack.endpoints.kafka,
        topics,
        quarantineTopic,
        partitions: 3,
      })
      await healed(attack)
      await attack.sendValues([Buffer.from('no event'), attack.validEvent()])
      await attack.until('what is bad stands in the new quarantine topic', async () => {
        const { stdout } = await attack.daybook('quarantine', 'ls', '--json')
        return stdout.includes(`"${attack.target.topic}"`)
      })
    },
  },
]

/** Nothing of the new topic is taken for the old one: what stood in the old stays, and the new waits to be accepted. */
async function deleteAndMakeAgain(attack: Attack): Promise<void> {
  const { topic, topicId } = attack.target
  await attack.quiet(ALL)
  const ofOld = `SELECT count() AS n, sum(cityHash64(event_id, _partition, _offset)) AS h FROM daybook.events WHERE _topic_id = '${topicId}'`
  const [before] = await attack.sql<{ n: string; h: string }>(ofOld)
  await deleteTopic(attack.admin, topic)
  await concernShown(attack, 'DAYBOOK_KAFKA_TOPIC_MISSING')
  const { kafka } = attack.world.stack.endpoints
  const { topics, quarantineTopic } = attack.ground
  await createTopics({ kafka, topics, quarantineTopic, partitions: ALL.length })
  const events = ALL.map((partition) => ({ partition, id: randomUUID() }))
  for (const { partition, id } of events)
    await attack.sendValues([attack.validEvent({ event_id: id })], partition)
  for (const kind of WORKERS)
    await attack.until(
      `the ${kind} worker says that the topic was made again`,
      async () => /TOPIC_RECREATED/.test((await attack.readyz(kind)).text),
      TAKE_UP_MS,
    )
  const [early] = await attack.sql<{ n: string }>(
    `SELECT count() AS n FROM daybook.events WHERE event_id IN (${events.map(({ id }) => `'${id}'`).join(',')})`,
  )
  if (early?.n !== '0') throw new Error(`${early?.n} events of the new topic are in before it was accepted`)
  for (const command of [
    ['offsets', 'accept-topic', '--topic', topic, '--reason', 'a test'],
    ['archive', 'init', '--topic', topic, '--reason', 'a test', '--accept-recreated'],
  ]) {
    const { code, stderr } = await attack.daybook(...command)
    if (code !== 0) throw new Error(`daybook ${command.join(' ')}: exit ${code}: ${stderr}`)
  }
  await healed(attack)
  await attack.resume()
  await shown(
    attack,
    events.map(({ id }) => id),
  )
  const [after] = await attack.sql<{ n: string; h: string }>(ofOld)
  if (after?.n !== before?.n || after?.h !== before?.h)
    throw new Error(`the old topic held ${JSON.stringify(before)}, now ${JSON.stringify(after)}`)
}

/** The clock of producers holds the partition up; what is deleted meanwhile is a loss that somebody has to accept. */
async function deleteBeforeDelivered(attack: Attack): Promise<void> {
  const { topic, topicId, partition } = attack.target
  await attack.quiet([partition])
  const restore = await alterTopic(attack.admin, topic, { 'message.timestamp.type': 'CreateTime' })
  for (const kind of WORKERS) await stoppedBy(attack, kind, 'DAYBOOK_KAFKA_TOPIC_CONFIG')
  await attack.sendValues(Array.from({ length: 5 }, () => attack.validEvent()))
  const offsets = await attack.admin.fetchTopicOffsets(topic)
  const high = BigInt(offsets.find((one) => one.partition === partition)?.high ?? '0')
  await attack.admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(high) }] })
  await restore()
  for (const kind of WORKERS)
    await attack.until(
      `the ${kind} worker says that the log is lost`,
      async () =>
        (await attack.metric(kind, 'daybook_partition_stopped', {
          topic,
          partition: String(partition),
          code: 'DAYBOOK_ENGINE_LOG_LOST',
        })) === 1,
      75_000,
    )
  const where = ['--topic', topic, '--partition', String(partition), '--through', String(high - 1n)]
  for (const store of ['hot', 'cold']) {
    const accept = ['offsets', 'accept-gap', '--store', store, ...where, '--reason', 'a test']
    const { code, stderr } = await attack.daybook(...accept)
    if (code !== 0) throw new Error(`daybook ${accept.join(' ')}: exit ${code}: ${stderr}`)
  }
  const event = randomUUID()
  await attack.sendValues([attack.validEvent({ event_id: event })])
  await healed(attack)
  await shown(attack, [event])
  const gaps = await attack.sql<{ f: string; l: string }>(
    `SELECT DISTINCT first AS f, last AS l FROM daybook.gaps WHERE reason = 'lost_accepted' AND topic_id = '${topicId}' AND partition = ${partition}`,
  )
  if (gaps.length !== 1 || gaps[0]?.f !== String(high - 5n) || gaps[0]?.l !== String(high - 1n))
    throw new Error(`lost were ${high - 5n} to ${high - 1n}; gaps say ${JSON.stringify(gaps)}`)
  await attack.resume()
}
