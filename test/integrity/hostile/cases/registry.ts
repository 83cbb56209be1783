import { randomUUID } from 'node:crypto'
import { quarantinedBy, shown } from '../expectations.ts'
import type { Attack, HostileCase } from '../hostile-case.ts'
import {
  askRegistryAs,
  eventSchema,
  eventUnder,
  ownEvent,
  register,
  registerAgainstTheRule,
  subjectOf,
  wireHead,
  withoutFields,
} from '../registry-user.ts'
import { deliveredUnder, refusedUnder } from '../under-schema.ts'

const OVER_LIMIT_CHARACTERS = 200_000
const JSON_SCHEMA =
  '{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","title":"AuditEvent","properties":{}}'

/** What a registered schema may be, with events under it, and what then holds. */
export const REGISTRY_CASES: readonly HostileCase[] = [
  {
    name: 'registry: nobody without the login registers, deletes or changes a rule',
    cells: ['registry user/schemas/stop', 'registry user/schemas/hide'],
    inTest: true,
    run: async (attack) => {
      const subject = encodeURIComponent(subjectOf(attack))
      const schema = JSON.stringify(eventSchema(attack))
      const requests = [
        { method: 'POST', path: `/subjects/${subject}/versions`, body: { schema } },
        { method: 'PUT', path: `/config/${subject}`, body: { compatibility: 'NONE' } },
        { method: 'PUT', path: '/config', body: { compatibility: 'NONE' } },
        { method: 'DELETE', path: `/subjects/${subject}/versions/1` },
        { method: 'DELETE', path: `/subjects/${subject}` },
        { method: 'DELETE', path: `/config/${subject}` },
      ]
      const versions = { method: 'GET', path: `/subjects/${subject}/versions` }
      const before = await askRegistryAs(attack, 'anybody', versions)
      for (const request of requests) {
        const { status } = await askRegistryAs(attack, 'anybody', request)
        if (![401, 403].includes(status))
          throw new Error(`${request.method} ${request.path} without a login: ${status}`)
      }
      const after = await askRegistryAs(attack, 'anybody', versions)
      if (after.status !== 200 || after.text !== before.text)
        throw new Error(`versions before: ${before.text}, after: ${after.status} ${after.text}`)
    },
  },
  {
    name: 'registry: a look-alike of the event schema under a subject of others',
    cells: ['registry user/schemas/stop', 'registry user/schemas/hide'],
    inTest: true,
    run: async (attack) => {
      const schema = eventSchema(attack)
      const id = await register(attack, schema, { subject: `${attack.ground.prefix}others-value` })
      await quarantinedBy(attack, 'UNKNOWN_SCHEMA', 1, () =>
        attack.sendValues([eventUnder(schema, id, ownEvent(randomUUID())), attack.validEvent()]),
      )
    },
  },
  {
    name: 'registry: a version that leaves fields out',
    cells: ['registry user/schemas/hide'],
    inTest: false,
    run: async (attack) => {
      await deliveredUnder(
        attack,
        withoutFields(eventSchema(attack), ['reason', 'approval', 'metadata', 'flags']),
      )
    },
  },
  {
    name: 'registry: a version with fields and enum symbols in another order',
    cells: ['registry user/schemas/hide'],
    inTest: false,
    run: async (attack) => {
      const schema = eventSchema(attack)
      // Named types are defined where they first stand, so what uses one stays behind it.
      const [uses, free] = [
        schema.fields.filter(({ name }) => ['target', 'other_targets'].includes(name)),
        schema.fields.filter(({ name }) => !['target', 'other_targets'].includes(name)),
      ]
      const fields = [...free.toReversed(), ...uses].map((field) => {
        if (field.name !== 'category') return field
        const type = field.type as { symbols: string[] }
        return { ...field, type: { ...type, symbols: type.symbols.toReversed() } }
      })
      const id = await deliveredUnder(attack, { ...schema, fields }, { category: 'EXPORT' })
      const [row] = await attack.sql<{ c: string; t: string }>(
        `SELECT toString(category) AS c, tenant_id AS t FROM daybook.audit WHERE event_id = '${id}'`,
      )
      if (row?.c !== 'EXPORT' || row.t !== 'hostile') throw new Error(`shown as ${JSON.stringify(row)}`)
    },
  },
  {
    name: 'registry: a version that is larger than a schema may be',
    cells: ['registry user/schemas/stop', 'registry user/schemas/grow'],
    inTest: true,
    run: (attack) => refusedUnder(attack, { ...eventSchema(attack), doc: 'd'.repeat(OVER_LIMIT_CHARACTERS) }),
  },
  {
    name: 'registry: a version that contains itself',
    cells: ['registry user/schemas/stop', 'registry user/schemas/delay'],
    inTest: false,
    run: (attack) => {
      const schema = eventSchema(attack)
      const self = { name: 'again', type: ['null', 'io.daybook.AuditEvent'], default: null }
      return refusedUnder(attack, { ...schema, fields: [...schema.fields, self] })
    },
  },
  {
    name: 'registry: a version of a hundred nested arrays',
    cells: ['registry user/schemas/stop', 'registry user/schemas/delay'],
    inTest: false,
    run: (attack) => {
      const schema = eventSchema(attack)
      let type: unknown = 'string'
      for (let level = 0; level < 100; level++) type = { type: 'array', items: type }
      return refusedUnder(attack, {
        ...schema,
        fields: [...schema.fields, { name: 'deep', type, default: [] }],
      })
    },
  },
  {
    name: 'registry: a version with other types, after the rule was taken away',
    cells: ['registry user/schemas/stop', 'registry user/schemas/hide'],
    inTest: true,
    run: (attack) => {
      const schema = eventSchema(attack)
      const fields = schema.fields.map((field) =>
        field.name === 'action' ? { name: 'action', type: 'long', default: 0 } : field,
      )
      return refusedUnder(attack, { ...schema, fields })
    },
  },
  {
    name: 'registry: JSON Schema and Protobuf under the subject of the topic',
    cells: ['registry user/schemas/stop'],
    inTest: false,
    run: async (attack) => {
      const json = await registerAgainstTheRule(attack, JSON_SCHEMA, {
        schemaType: 'JSON',
      })
      const proto = 'syntax = "proto3"; message AuditEvent { string event_id = 1; }'
      const protobuf = await registerAgainstTheRule(attack, proto, { schemaType: 'PROTOBUF' })
      await quarantinedBy(attack, 'WRONG_SCHEMA', 2, () =>
        attack.sendValues([
          Buffer.concat([wireHead(json), Buffer.from('{}')]),
          Buffer.concat([wireHead(protobuf), Buffer.of(0, 10, 1, 97)]),
          attack.validEvent(),
        ]),
      )
    },
  },
  {
    name: 'registry: a version that is deleted softly while events under it are sent',
    cells: ['registry user/schemas/hide'],
    inTest: false,
    run: async (attack) => {
      const schema = withoutFields(eventSchema(attack), ['reason'])
      const id = await registerAgainstTheRule(attack, schema)
      await removeLatest(attack, false)
      const event = randomUUID()
      await attack.sendValues([eventUnder(schema, id, ownEvent(event))])
      await shown(attack, [event])
    },
  },
  {
    name: 'registry: a version that is deleted for good before its events are read',
    cells: ['registry user/schemas/stop', 'registry user/schemas/hide'],
    inTest: false,
    run: async (attack) => {
      const schema = withoutFields(eventSchema(attack), ['approval'])
      const id = await registerAgainstTheRule(attack, schema)
      await removeLatest(attack, false)
      await removeLatest(attack, true)
      await quarantinedBy(attack, 'UNKNOWN_SCHEMA', 1, () =>
        attack.sendValues([eventUnder(schema, id, ownEvent(randomUUID())), attack.validEvent()]),
      )
    },
  },
]

/** Deletes the newest version of the target's subject. */
let removed = 0
async function removeLatest(attack: Attack, forGood: boolean): Promise<void> {
  const subject = encodeURIComponent(subjectOf(attack))
  if (!forGood) {
    const all = await askRegistryAs(attack, 'registrar', {
      method: 'GET',
      path: `/subjects/${subject}/versions`,
    })
    removed = Math.max(...(JSON.parse(all.text) as number[]))
  }
  const path = `/subjects/${subject}/versions/${removed}${forGood ? '?permanent=true' : ''}`
  const { status, text } = await askRegistryAs(attack, 'registrar', { method: 'DELETE', path })
  if (status !== 200) throw new Error(`the registry did not delete version ${removed}: ${status} ${text}`)
}
