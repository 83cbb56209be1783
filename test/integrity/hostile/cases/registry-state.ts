import { randomUUID } from 'node:crypto'
import { grownSchema } from '../../../support/grown-schema.ts'
import { quarantinedBy, shown, stoppedBy } from '../expectations.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'
import {
  askRegistryAs,
  eventSchema,
  eventUnder,
  ownEvent,
  register,
  registerAgainstTheRule,
  setRule,
  subjectOf,
  wireHead,
  withoutFields,
} from '../registry-user.ts'

const MANY = 5_000
const AT_ONCE = 20
const VERSIONS = 130
const VERSION_CHARACTERS = 60_000
const BEYOND_ANSWER_CHARACTERS = 5 * 1024 * 1024

/** What a registered schema may do to the registry and to workers as a whole. */
export const REGISTRY_STATE_CASES: readonly HostileCase[] = [
  {
    name: 'registry: a newer version of the event schema, with an event under it',
    cells: ['registry user/schemas/stop', 'registry user/schemas/delay', 'registry user/schemas/hide'],
    isolated: true,
    inTest: false,
    run: newerThanTheTable,
  },
  {
    name: 'registry: five thousand schemas of others',
    cells: ['registry user/schemas/delay', 'registry user/schemas/grow'],
    inTest: false,
    run: async (attack) => {
      for (let at = 0; at < MANY; at += AT_ONCE)
        await Promise.all(
          Array.from({ length: AT_ONCE }, (_, more) =>
            register(
              attack,
              { type: 'record', name: `Other${at + more}`, fields: [] },
              { subject: `${attack.ground.prefix}other-${at + more}` },
            ),
          ),
        )
      await olderVersionIsTaken(attack)
    },
  },
  {
    name: 'registry: a hundred and thirty large versions, with an event under each',
    cells: ['registry user/schemas/grow', 'registry user/schemas/delay'],
    isolated: true,
    inTest: false,
    run: async (attack) => {
      const values: Buffer[] = []
      for (let version = 0; version < VERSIONS; version++) {
        const doc = `${version} `.padEnd(VERSION_CHARACTERS, 'd')
        const schema = { ...eventSchema(attack), doc }
        const id = await register(attack, schema)
        values.push(eventUnder(schema, id, ownEvent(randomUUID())))
      }
      const [base] = await attack.sql<{ o: string }>(highest(attack))
      await attack.sendValues(values)
      const last = randomUUID()
      await attack.sendValues([attack.validEvent({ event_id: last })])
      await shown(attack, [last], 60_000)
      const rows = `SELECT count() AS n FROM daybook.events WHERE tenant_id = 'hostile' AND _topic_id = '${attack.target.topicId}' AND _offset > ${base?.o}`
      const [row] = await attack.sql<{ n: string }>(rows)
      const refused = await attack.metric('hot', 'daybook_quarantined_records_total', {
        code: 'WRONG_SCHEMA',
      })
      if (Number(row?.n) + refused !== VERSIONS + 1)
        throw new Error(
          `${VERSIONS + 1} events, but ${row?.n} rows and ${refused} quarantined as WRONG_SCHEMA`,
        )
    },
  },
  {
    name: 'registry: a version of five million characters',
    cells: ['registry user/schemas/stop', 'registry user/schemas/delay'],
    isolated: true,
    inTest: false,
    run: async (attack) => {
      const doc = 'd'.repeat(BEYOND_ANSWER_CHARACTERS)
      const id = await registerAgainstTheRule(attack, { ...eventSchema(attack), doc })
      await quarantinedBy(attack, 'WRONG_SCHEMA', 1, () =>
        attack.sendValues([Buffer.concat([wireHead(id), Buffer.alloc(40, 0x02)]), attack.validEvent()]),
      )
      await olderVersionIsTaken(attack)
    },
  },
  {
    name: 'registry: the subject of the topic is deleted, and registered again',
    cells: ['registry user/schemas/stop', 'registry user/schemas/hide'],
    isolated: true,
    inTest: false,
    run: async (attack) => {
      const path = `/subjects/${encodeURIComponent(subjectOf(attack))}`
      for (const suffix of ['', '?permanent=true']) {
        const { status, text } = await askRegistryAs(attack, 'registrar', {
          method: 'DELETE',
          path: path + suffix,
        })
        if (status !== 200) throw new Error(`the registry did not delete the subject: ${status} ${text}`)
        const event = randomUUID()
        await attack.sendValues([attack.validEvent({ event_id: event })])
        await shown(attack, [event])
      }
      await register(attack, attack.schemaText)
      await setRule(attack, 'FULL_TRANSITIVE')
      await olderVersionIsTaken(attack)
    },
  },
]

/** A version that no worker has seen is taken at once. */
async function olderVersionIsTaken(attack: Attack): Promise<void> {
  const schema = withoutFields(eventSchema(attack), ['reason', 'approval'])
  const id = await registerAgainstTheRule(attack, schema)
  const event = randomUUID()
  await attack.sendValues([eventUnder(schema, id, ownEvent(event))])
  await shown(attack, [event])
}

/** The hot partition stops before the first such event and skips nothing; the archive takes it as it is. */
async function newerThanTheTable(attack: Attack): Promise<void> {
  const { topic, topicId, partition } = attack.target
  await attack.quiet([partition])
  const [before] = await attack.sql<{ o: string }>(highest(attack))
  const schema = grownSchema()
  const id = await register(attack, schema)
  const newer = randomUUID()
  const behind = randomUUID()
  await attack.sendValues([
    eventUnder(schema, id, { ...ownEvent(newer), extra: 'new' }),
    attack.validEvent({ event_id: behind }),
  ])
  await stoppedBy(attack, 'hot', 'DAYBOOK_SCHEMA_NEWER_THAN_WORKER')
  const { stdout, code } = await attack.daybook('status')
  if (code !== 1 || !stdout.includes('DAYBOOK_SCHEMA_NEWER_THAN_WORKER'))
    throw new Error(`daybook status should end with 1 and name the code: ${code} ${stdout}`)
  for (const event of [newer, behind])
    await attack.until('the archive has it', async () => {
      const got = await attack.daybook('archive', 'get', '--topic', topic, '--event-id', event, '--json')
      return got.stdout.includes(event) && got.stdout.includes('"verified":true')
    })
  const [after] = await attack.sql<{ o: string }>(highest(attack))
  if (after?.o !== before?.o) throw new Error(`the hot store went on from ${before?.o} to ${after?.o}`)
  const gaps = await attack.sql<{ n: string }>(
    `SELECT count() AS n FROM daybook.gaps WHERE topic_id = '${topicId}' AND partition = ${partition} AND last > ${before?.o}`,
  )
  if (gaps[0]?.n !== '0') throw new Error('the hot store skipped what it cannot store')
}

const highest = ({ target: { topicId, partition } }: Attack): string =>
  `SELECT max(_offset) AS o FROM daybook.events WHERE _topic_id = '${topicId}' AND _partition = ${partition}`
