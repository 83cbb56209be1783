import { randomUUID } from 'node:crypto'
import { alterTopic } from '../../../support/kafka/topic-admin.ts'
import { rawBatch, rawRecord } from '../../../support/raw-produce.ts'
import { concernShown, healed, shown, stoppedBy } from '../expectations.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'

const CONFIG = 'DAYBOOK_KAFKA_TOPIC_CONFIG'
const ALL = [0, 1, 2] as const
const DAY_MS = 24 * 3_600_000
const YEAR_MS = 365 * DAY_MS

/** Settings of a topic that somebody changes under the workers. */
export const SETTINGS_CASES: readonly HostileCase[] = [
  {
    name: 'settings: compaction is switched on',
    cells: ['topic admin/topic settings/hide', 'topic admin/topic settings/stop'],
    inTest: false,
    run: (attack) =>
      drifted(
        attack,
        { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.01', 'segment.ms': '100' },
        async () => {
          const ids = Array.from({ length: 50 }, () => randomUUID())
          const producer = attack.kafka.producer()
          await producer.connect()
          const { topic, partition } = attack.target
          const messages = ids.map((id) => ({
            partition,
            key: 'always the same',
            value: attack.validEvent({ event_id: id }),
          }))
          for (let at = 0; at < messages.length; at += 10)
            await producer.send({ topic, messages: messages.slice(at, at + 10) })
          await producer.disconnect()
          await shown(attack, ids)
        },
      ),
  },
  {
    name: 'settings: compaction beside deletion is switched on',
    cells: ['topic admin/topic settings/hide'],
    inTest: false,
    run: (attack) => drifted(attack, { 'cleanup.policy': 'compact,delete' }),
  },
  ...(
    [
      ['retention.ms', '1000'],
      ['retention.bytes', '1000'],
      ['max.message.bytes', '100'],
    ] as const
  ).map(
    ([setting, value]): HostileCase => ({
      name: `settings: ${setting} is set to ${value}`,
      cells: ['topic admin/topic settings/hide', 'topic admin/topic settings/delay'],
      inTest: false,
      run: (attack) => drifted(attack, { [setting]: value }),
    }),
  ),
  {
    name: 'settings: the clock of producers, with times of ten years ago',
    cells: ['topic admin/topic settings/stop', 'topic admin/topic settings/hide'],
    inTest: false,
    mayStop: ALL,
    run: async (attack) => {
      const restore = await alterTopic(attack.admin, attack.target.topic, {
        'message.timestamp.type': 'CreateTime',
      })
      const old = BigInt(Date.now() - 10 * YEAR_MS)
      const ids = Array.from({ length: 20 }, () => randomUUID())
      let base = -1n
      try {
        await concernShown(attack, CONFIG, { text: 'message.timestamp.type' })
        for (const kind of ['hot', 'cold'] as const)
          for (const partition of ALL) await stoppedBy(attack, kind, CONFIG, partition)
        const records = ids.map((id, delta) =>
          rawRecord({ delta, value: attack.validEvent({ event_id: id }) }),
        )
        const times = { firstTimestamp: old, maxTimestamp: old }
        base = await attack.sendBatch(rawBatch({ body: Buffer.concat(records), count: ids.length, ...times }))
      } finally {
        await restore()
      }
      await healed(attack)
      const { topicId, partition } = attack.target
      const last = base + BigInt(ids.length) - 1n
      const behind = randomUUID()
      await attack.sendValues([attack.validEvent({ event_id: behind })])
      await shown(attack, [behind])
      const here = `topic_id = '${topicId}' AND partition = ${partition} AND first <= ${last} AND last >= ${base}`
      const gaps = await attack.sql<{ f: string; l: string }>(
        `SELECT DISTINCT first AS f, last AS l FROM daybook.gaps WHERE reason = 'expired' AND ${here} ORDER BY f`,
      )
      const rows = await attack.sql<{ n: string; at: string }>(
        `SELECT count() AS n, toString(min(_received_at)) AS at FROM daybook.events WHERE _topic_id = '${topicId}' AND _partition = ${partition} AND _offset BETWEEN ${base} AND ${last}`,
      )
      const covered = gaps.reduce((sum, { f, l }) => sum + BigInt(l) - BigInt(f) + 1n, 0n)
      // A time that a producer sets is not trusted: a row may count as received now, and is then no older than others.
      const young = Date.parse(`${rows[0]?.at}Z`) > Date.now() - DAY_MS
      if (covered + BigInt(rows[0]?.n ?? 0) !== BigInt(ids.length) || (rows[0]?.n !== '0' && !young))
        throw new Error(
          `of ${ids.length} events that are too old ${covered} stand in gaps as expired (${JSON.stringify(gaps)}), ${rows[0]?.n} in the table, received at ${rows[0]?.at}`,
        )
    },
  },
  {
    name: 'settings: the clock of producers is switched on and off again and again',
    cells: ['topic admin/topic settings/stop', 'topic admin/topic settings/delay'],
    inTest: false,
    mayStop: ALL,
    run: async (attack) => {
      for (let time = 0; time < 10; time++) {
        const restore = await alterTopic(attack.admin, attack.target.topic, {
          'message.timestamp.type': 'CreateTime',
        })
        await attack.sendValues([attack.validEvent()])
        await restore()
        await attack.sendValues([attack.validEvent()])
      }
      await healed(attack)
    },
  },
  {
    name: 'settings: those that are free are changed',
    cells: ['topic admin/topic settings/stop'],
    inTest: false,
    run: async (attack) => {
      const restore = await alterTopic(attack.admin, attack.target.topic, {
        'compression.type': 'zstd',
        'segment.ms': '100',
        'segment.bytes': '1048576',
        'delete.retention.ms': '0',
        'file.delete.delay.ms': '0',
        'flush.messages': '1',
        'index.interval.bytes': '1',
        'message.timestamp.before.max.ms': '1',
        'message.timestamp.after.max.ms': '1',
        preallocate: 'true',
      })
      const seen: string[] = []
      const until = Date.now() + 12_000
      while (Date.now() < until) {
        for (const kind of ['hot', 'cold'] as const) {
          const { status, text } = await attack.readyz(kind)
          if (status !== 200) seen.push(`${kind}: ${text}`)
        }
        await new Promise((resolve) => setTimeout(resolve, 1_000))
      }
      await restore()
      if (seen.length > 0) throw new Error(`workers complain of free settings: ${seen[0]}`)
    },
  },
  {
    name: 'settings: the quarantine topic takes no large messages and is compacted',
    cells: ['topic admin/topic settings/stop', 'topic admin/topic settings/delay'],
    inTest: false,
    run: async (attack) => {
      const topic = attack.ground.quarantineTopic
      const restore = await alterTopic(attack.admin, topic, {
        'max.message.bytes': '200',
        'cleanup.policy': 'compact',
      })
      try {
        await concernShown(attack, CONFIG, { topic, kinds: ['hot'] })
        await attack.sendValues([Buffer.alloc(5_000, 0x55)])
      } finally {
        await restore()
      }
      await healed(attack)
      const event = randomUUID()
      await attack.sendValues([attack.validEvent({ event_id: event })])
      await shown(attack, [event], 60_000)
    },
  },
]

/** A setting drifts: the workers say so by name, read on, and are well when it is set back. */
async function drifted(
  attack: Attack,
  changes: Readonly<Record<string, string>>,
  meanwhile: () => Promise<void> = async () => undefined,
): Promise<void> {
  const restore = await alterTopic(attack.admin, attack.target.topic, changes)
  try {
    await concernShown(attack, CONFIG, { text: Object.keys(changes)[0] ?? '' })
    await meanwhile()
  } finally {
    await restore()
  }
  await healed(attack)
}
