import { randomUUID } from 'node:crypto'
import { deflateSync } from 'node:zlib'
import { produceRaw, rawBatch, rawRecord } from '../../../support/raw-produce.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'
import { allShow, batchOf, goesOn, isListed, isSetAside, mustBe, zstd } from '../seen.ts'

interface Forged {
  readonly key?: string
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string | Buffer>>
}

/** Writes to the quarantine topic, as whoever may produce to it. */
async function forge(attack: Attack, messages: readonly Forged[]): Promise<void> {
  const producer = attack.kafka.producer({ allowAutoTopicCreation: false })
  await producer.connect()
  const each = messages.map(({ key, value, headers }) => ({
    key: key ?? null,
    value,
    headers: { ...headers },
  }))
  await producer.send({ topic: attack.ground.quarantineTopic, messages: each })
  await producer.disconnect()
  for (const { value, headers } of messages)
    attack.received(Object.values(headers).join('').length + (value?.length ?? 0) + 300)
}

/** An entry of format 1 that says that `value` stood there. */
function entry(topic: string, topicId: string, offset: string, value: Buffer, over = {}): Forged {
  return {
    key: `${topic}:0:${offset}`,
    value,
    headers: {
      ...{ 'daybook-topic': topic, 'daybook-topic-id': topicId, 'daybook-partition': '0' },
      ...{ 'daybook-offset': offset, 'daybook-append-time': String(Date.now()), 'daybook-code': 'MALFORMED' },
      ...{ 'daybook-reason': 'forged', ...over },
    },
  }
}

/** An entry of format 2 that says that a batch with this one bad record stood at `base`. */
function batchEntry(topic: string, topicId: string, base: bigint, value: Buffer, over = {}): Forged {
  const batch = rawBatch({ body: rawRecord({ delta: 0, value }), count: 1 })
  batch.writeBigInt64BE(base, 0)
  const bad = '{"count":1,"kinds":[["MALFORMED","forged",null]],"bad":[[0,1,0]]}'
  return {
    key: `${topic}:0:${base}`,
    value: batch,
    headers: { 'daybook-format': '2', 'daybook-topic-id': topicId, 'daybook-bad': bad, ...over },
  }
}

/** The configured topic that is not attacked; nothing bad of it is in the quarantine. */
function other({ ground, target }: Attack): string {
  return ground.topics.find((topic) => topic !== target.topic) ?? ''
}

/** Sends one real bad record, and waits until it is listed; gives its offset. */
async function realBad(attack: Attack): Promise<bigint> {
  let offset = 0n
  await isSetAside(attack, 'NOT_WIRE_FORMAT', 1, async () => {
    offset = await attack.sendBatch(batchOf([Buffer.from(`real ${randomUUID()}`)]))
  })
  await isListed(attack, offset)
  return offset
}

async function replay(attack: Attack, topic: string) {
  const { code, stdout, stderr } = await attack.daybook(
    'quarantine',
    'replay',
    '--topic',
    topic,
    '--all',
    '--json',
  )
  if (stdout === '') throw new Error(`daybook quarantine replay ended with ${code}: ${stderr.slice(-1_500)}`)
  const { sent }: { sent: number } = JSON.parse(stdout)
  return { code, sent, stderr }
}

/** What a producer can do that may write to the quarantine topic, and what it can make the workers write there. */
export const QUARANTINE_CASES: readonly HostileCase[] = [
  {
    name: 'forged quarantine entries that name a topic of others, then replay',
    cells: ['producer/quarantine topic/falsify'],
    inTest: true,
    run: async (attack) => {
      const { admin, ground, target } = attack
      const elsewhere = `${ground.prefix}elsewhere`
      await admin.createTopics({ topics: [{ topic: elsewhere, numPartitions: 1 }], waitForLeaders: true })
      const value = attack.validEvent()
      await forge(attack, [
        entry(elsewhere, target.topicId, '0', value),
        entry(elsewhere, randomUUID(), '5', value),
        batchEntry(elsewhere, target.topicId, 0n, value),
        { ...entry(target.topic, target.topicId, '0', value, { 'daybook-topic': elsewhere }) },
      ])
      const { sent } = await replay(attack, elsewhere)
      mustBe('the number of records that were sent', sent, 0)
      const [end] = await admin.fetchTopicOffsets(elsewhere)
      mustBe('the end of the topic of others', end?.high, '0')
      await admin.deleteTopics({ topics: [elsewhere] })
    },
  },
  {
    name: 'forged quarantine entries that name other bytes at places of a configured topic, then replay',
    cells: ['producer/quarantine topic/falsify'],
    inTest: false,
    run: async (attack) => {
      const topic = other(attack)
      const ref = attack.ground.partitions.find((one) => one.topic === topic && one.partition === 0)
      const ids = Array.from({ length: 7 }, () => randomUUID())
      const [a, b, c, d, e, f, g] = ids.map((id) => attack.validEvent({ event_id: id }))
      if (ref === undefined || !a || !b || !c || !d || !e || !f || !g) return
      const reference = JSON.stringify({ last: '1', appendTime: 1, bytes: 1, sha256: '00'.repeat(32) })
      await forge(attack, [
        entry(topic, ref.topicId, '0', a),
        entry(topic, ref.topicId, '999999999', b),
        entry(topic, randomUUID(), '0', c),
        batchEntry(topic, ref.topicId, 0n, d),
        batchEntry(topic, ref.topicId, 999_999_999n, e),
        batchEntry(topic, ref.topicId, 1n, f, { 'daybook-reference': reference }),
        entry(topic, ref.topicId, '-1', g),
      ])
      const { code, sent } = await replay(attack, topic)
      mustBe('the exit code and the number of records that were sent', [code, sent], [3, 0])
      await goesOn(attack)
      const list = ids.map((id) => `'${id}'`).join(',')
      const rows = await attack.sql(`SELECT event_id FROM daybook.events WHERE event_id IN (${list})`)
      mustBe('what the hot store holds of the forged events', rows, [])
    },
  },
  {
    name: 'a forged quarantine entry of an event that stands in the topic, then replay',
    cells: ['producer/quarantine topic/falsify'],
    inTest: false,
    run: async (attack) => {
      const id = randomUUID()
      const value = attack.validEvent({ event_id: id })
      const offset = await attack.sendBatch(batchOf([value]))
      await allShow(attack, [id])
      const { topic, topicId } = attack.target
      await forge(attack, [batchEntry(topic, topicId, offset, value)])
      const key = `${topic}:0:${offset}`
      await attack.daybook('quarantine', 'replay', '--key', key, '--json')
      await goesOn(attack)
      await allShow(attack, [id])
    },
  },
  {
    name: 'forged times, offsets, codes and lists in quarantine entries, then ls',
    cells: ['producer/quarantine topic/falsify'],
    inTest: true,
    run: async (attack) => {
      const { topic, topicId } = attack.target
      const value = attack.validEvent()
      const overs = [
        ...['', 'abc', '-1', '1e400', '9'.repeat(40), '8640000000000001', 'NaN'].map((time) => ({
          'daybook-append-time': time,
        })),
        ...['', '-5', '0x10', '9'.repeat(40), '1.5'].map((offset) => ({ 'daybook-offset': offset })),
        ...['-1', '4294967296', 'x'].map((partition) => ({ 'daybook-partition': partition })),
        { 'daybook-code': '\u001b[2J' },
        { 'daybook-topic-id': 'none' },
        { 'daybook-format': '99' },
        { 'daybook-schema-id': 'x' },
      ]
      const lists = [
        '',
        '{',
        'null',
        '[]',
        '{"count":-1}',
        '{"count":1e999}',
        'x\u009c',
        '{"count":1,"bad":7}',
      ]
      await forge(attack, [
        ...overs.map((over) => entry(topic, topicId, '1', value, over)),
        ...lists.map((list) => batchEntry(topic, topicId, 2n, value, { 'daybook-bad': list })),
        batchEntry(topic, topicId, 2n, value, {
          'daybook-bad': '{"count":1,"kinds":[["X","r",0]],"bad":[[0,1e15,0]]}',
        }),
        { key: '::::', value: null, headers: {} },
        { value: Buffer.from('no entry'), headers: {} },
      ])
      await realBad(attack)
    },
  },
  {
    name: 'huge forged quarantine entries and a list that unpacks to 200 MB, then ls',
    cells: ['producer/quarantine topic/grow'],
    inTest: false,
    run: async (attack) => {
      const { topic, topicId } = attack.target
      const bomb = deflateSync(
        Buffer.concat([Buffer.from('{"count":1,"x":"'), Buffer.alloc(200_000_000, 0x20)]),
      )
      await forge(attack, [batchEntry(topic, topicId, 3n, attack.validEvent(), { 'daybook-bad': bomb })])
      for (let sent = 0; sent < 4; sent++)
        await forge(attack, [entry(topic, topicId, '4', Buffer.alloc(4_000_000, sent))])
      const [broker = ''] = attack.world.stack.endpoints.kafka.brokers
      const body = zstd(
        rawRecord({ delta: 0, key: Buffer.from(`${topic}:0:6`), value: Buffer.alloc(100_000_000) }),
      )
      const batch = rawBatch({ body, codec: 4, count: 1 })
      const quarantine = { topic: attack.ground.quarantineTopic, partition: 0 }
      mustBe('the broker’s answer', (await produceRaw({ broker, ...quarantine, batch })).errorCode, 0)
      attack.received(batch.length)
      await realBad(attack)
    },
  },
  {
    name: 'more bad batches than the quarantine keeps whole in an hour',
    cells: ['producer/quarantine topic/grow', 'producer/record batches/grow'],
    inTest: false,
    run: async (attack) => {
      const { topic } = attack.target
      const name = 'daybook_quarantine_references_total'
      const before = await attack.metric('hot', name, { topic })
      const batches = 45
      const send = async () => {
        for (let at = 0; at < batches; at++)
          await attack.sendBatch(batchOf([Buffer.alloc(990_000, 1), Buffer.alloc(1_000_000, 2)]))
      }
      await isSetAside(attack, 'NOT_WIRE_FORMAT', 2 * batches, send, 90_000)
      await goesOn(attack)
      await attack.until(
        'the quarantine keeps references only: 90 MB came, its budget is 64 MiB',
        async () => (await attack.metric('hot', name, { topic })) > before,
      )
    },
  },
]
