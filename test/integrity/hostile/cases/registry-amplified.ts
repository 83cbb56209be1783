import { randomUUID } from 'node:crypto'
import { quarantinedBy, shown, stoppedBy } from '../expectations.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'
import {
  type EventSchema,
  eventSchema,
  eventUnder,
  ownEvent,
  register,
  registerAgainstTheRule,
  setRule,
} from '../registry-user.ts'
import { deliveredUnder, refusedUnder } from '../under-schema.ts'

const BOMB_CHARACTERS = 104_000
const BOMB_ITEMS = 1_600
const BESIDE_CHARACTERS = 80_000
const REPEATING_FIELDS = 400
const LARGEST_DEFAULT = 8_000
const TOMBSTONES = 9_000
const WIDE_VERSIONS = 90
const WIDE_FIELDS = 450
const NIL_UUID = '00000000-0000-0000-0000-000000000000'
/** Beyond the year 2299. */
const TOO_LATE = 2 ** 52

/** What a schema of some kilobytes may cost in memory and time, and what it may say of values that stores refuse. */
export const REGISTRY_AMPLIFIED_CASES: readonly HostileCase[] = [
  {
    name: 'registry: 116 kB of schema with a default of 166 MB',
    cells: ['registry user/schemas/stop', 'registry user/schemas/grow'],
    inTest: true,
    run: (attack) => {
      const long = { name: 's', type: 'string', default: 'x'.repeat(BOMB_CHARACTERS) }
      const items = { type: 'record', name: 'Bomb', fields: [long] }
      const fallback = Array(BOMB_ITEMS).fill({})
      return refusedUnder(
        attack,
        withFields(attack, { name: 'bomb', type: { type: 'array', items }, default: fallback }),
      )
    },
  },
  {
    name: 'registry: 100 kB of schema whose archive rows would have one of 36 MB',
    cells: ['registry user/schemas/grow'],
    inTest: false,
    run: (attack) => {
      const beside = { name: 'v', type: 'int', default: 0, doc: 'd'.repeat(BESIDE_CHARACTERS) }
      const repeated = { type: 'record', name: 'Repeated', fields: [beside] }
      const fields = Array.from({ length: REPEATING_FIELDS }, (_, n) => ({
        name: `m${n}`,
        type: n === 0 ? repeated : 'Repeated',
        default: {},
      }))
      return refusedUnder(attack, withFields(attack, ...fields))
    },
  },
  {
    name: 'registry: a version with an enormous default',
    cells: ['registry user/schemas/delay', 'registry user/schemas/grow'],
    inTest: false,
    run: (attack) => refusedUnder(attack, withDefault(attack, 'action', 'x'.repeat(BOMB_CHARACTERS))),
  },
  {
    name: 'registry: the largest default that is taken, with nine thousand tombstones in the same batch',
    cells: ['registry user/schemas/delay', 'registry user/schemas/grow'],
    isolated: true,
    inTest: false,
    run: async (attack) => {
      const schema = withDefault(attack, 'action', 'x'.repeat(LARGEST_DEFAULT))
      await deliveredUnder(attack, schema)
      const id = await register(attack, schema)
      const event = randomUUID()
      const value = eventUnder(schema, id, ownEvent(event))
      await attack.sendValues([value, ...Array<null>(TOMBSTONES).fill(null)])
      await shown(attack, [event])
    },
  },
  {
    name: 'registry: items of no bytes whose fields have defaults with us',
    cells: ['registry user/schemas/grow', 'registry user/schemas/delay'],
    inTest: false,
    run: (attack) => {
      const empty = { type: 'array', items: { type: 'record', name: 'Change', fields: [] } }
      return refusedUnder(attack, withType(attack, 'changes', empty, []))
    },
  },
  {
    name: 'registry: ninety versions of 450 fields, with an event under each',
    cells: ['registry user/schemas/delay', 'registry user/schemas/grow'],
    isolated: true,
    inTest: false,
    run: ninetyWideVersions,
  },
  {
    name: 'registry: versions that say nothing of UUIDs and times, with values that are none',
    cells: ['registry user/schemas/stop', 'registry user/schemas/hide'],
    isolated: true,
    inTest: false,
    run: async (attack) => {
      const ways: readonly [EventSchema, object][] = [
        [withType(attack, 'corrects', ['null', 'string'], null), { corrects: 'nonsense' }],
        [withType(attack, 'corrects', ['string', 'null'], NIL_UUID), { corrects: 'nonsense' }],
        [withType(attack, 'event_id', 'string', 'nonsense'), { event_id: 'nonsense' }],
        [withType(attack, 'occurred_at', 'long', TOO_LATE), { occurred_at: TOO_LATE }],
      ]
      for (const [schema, bad] of ways) {
        const id = await registerAgainstTheRule(attack, schema)
        const good = randomUUID()
        const known = { ...ownEvent(good), corrects: randomUUID() }
        await quarantinedBy(attack, 'INVALID_FIELD', 1, () =>
          attack.sendValues([
            eventUnder(schema, id, { ...ownEvent(randomUUID()), ...bad }),
            eventUnder(schema, id, known),
          ]),
        )
        await shown(attack, [good])
      }
    },
  },
]

/**
 * They say more than the table has, so the hot partition stops before the first of them; the archive takes as many of
 * them as a worker may compile, and the others as they came.
 */
async function ninetyWideVersions(attack: Attack): Promise<void> {
  const { topic, partition } = attack.target
  await attack.quiet([partition])
  const values: Buffer[] = []
  // The registry would compare each with all before it.
  await setRule(attack, 'NONE')
  for (let version = 0; version < WIDE_VERSIONS; version++) {
    const schema = withFields(
      attack,
      { name: `own${version}`, type: 'long', default: 0 },
      ...Array.from({ length: WIDE_FIELDS - 1 }, (_, n) => ({ name: `f${n}`, type: 'long', default: 0 })),
    )
    const id = await register(attack, schema)
    values.push(eventUnder(schema, id, ownEvent(randomUUID())))
  }
  await setRule(attack, 'FULL_TRANSITIVE')
  const last = randomUUID()
  const sentAt = Date.now()
  await attack.sendValues([...values, attack.validEvent({ event_id: last })])
  const code = 'DAYBOOK_SCHEMA_NEWER_THAN_WORKER'
  await attack.until(
    'the hot worker has read all of them',
    async () => (await attack.metric('hot', 'daybook_partition_stopped', { topic, code })) === 1,
    90_000,
  )
  attack.note(`the hot worker took ${Date.now() - sentAt} ms to compile them`)
  await stoppedBy(attack, 'hot', code)
  await attack.until(
    'the archive has what came behind them',
    async () => {
      const got = await attack.daybook('archive', 'get', '--topic', topic, '--event-id', last, '--json')
      return got.stdout.includes(last) && got.stdout.includes('"verified":true')
    },
    60_000,
  )
  attack.note(`the archive had them after ${Date.now() - sentAt} ms`)
}

function withFields(attack: Attack, ...fields: EventSchema['fields']): EventSchema {
  const schema = eventSchema(attack)
  return { ...schema, fields: [...schema.fields, ...fields] }
}

function withType(attack: Attack, name: string, type: unknown, fallback: unknown): EventSchema {
  const schema = eventSchema(attack)
  const fields = schema.fields.map((field) =>
    field.name === name ? { name, type, default: fallback } : field,
  )
  return { ...schema, fields }
}

function withDefault(attack: Attack, name: string, fallback: unknown): EventSchema {
  const type = eventSchema(attack).fields.find((field) => field.name === name)?.type
  return withType(attack, name, type, fallback)
}
