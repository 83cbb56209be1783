import { randomUUID } from 'node:crypto'
import avro from 'avsc'
import type { Attack } from './hostile-case.ts'

/** What of a schema these cases change. */
export interface EventSchema {
  readonly fields: readonly { readonly name: string; readonly type: unknown; readonly default?: unknown }[]
  readonly [property: string]: unknown
}

const TYPE = 'application/vnd.schemaregistry.v1+json'

/** The event schema as another text each time, so that cases do not share an id. */
export function eventSchema(attack: Attack): EventSchema {
  return { ...(JSON.parse(attack.schemaText) as EventSchema), doc: randomUUID() }
}

/** A version as an older producer might have it: without some fields. */
export function withoutFields(schema: EventSchema, names: readonly string[]): EventSchema {
  return { ...schema, fields: schema.fields.filter(({ name }) => !names.includes(name)) }
}

/** One request to the registry, with the registrar's login or as anybody. */
export async function askRegistryAs(
  attack: Attack,
  who: 'registrar' | 'anybody',
  request: { readonly method: string; readonly path: string; readonly body?: unknown },
): Promise<{ readonly status: number; readonly text: string }> {
  const { url, auth } = attack.world.stack.endpoints.registry
  const basic = Buffer.from(`${auth?.username}:${auth?.password}`).toString('base64')
  const response = await fetch(url.replace(/\/+$/, '') + request.path, {
    method: request.method,
    headers: {
      'content-type': TYPE,
      ...(who === 'registrar' ? { authorization: `Basic ${basic}` } : {}),
    },
    body: request.body === undefined ? null : JSON.stringify(request.body),
  })
  return { status: response.status, text: await response.text() }
}

export const subjectOf = (attack: Attack): string => `${attack.target.topic}-value`

/** Registers a schema under a subject (default: the target's) and gives its id. @throws where the registry refuses */
export async function register(
  attack: Attack,
  schema: unknown,
  over: { readonly subject?: string; readonly schemaType?: 'PROTOBUF' | 'JSON' } = {},
): Promise<number> {
  const subject = over.subject ?? subjectOf(attack)
  const text = typeof schema === 'string' ? schema : JSON.stringify(schema)
  const { status, text: answer } = await askRegistryAs(attack, 'registrar', {
    method: 'POST',
    path: `/subjects/${encodeURIComponent(subject)}/versions`,
    body: { schema: text, ...(over.schemaType === undefined ? {} : { schemaType: over.schemaType }) },
  })
  if (status !== 200) throw new Error(`the registry refused the schema: ${status} ${answer.slice(0, 300)}`)
  return (JSON.parse(answer) as { id: number }).id
}

export async function setRule(attack: Attack, compatibility: 'NONE' | 'FULL_TRANSITIVE'): Promise<void> {
  const path = `/config/${encodeURIComponent(subjectOf(attack))}`
  const { status } = await askRegistryAs(attack, 'registrar', {
    method: 'PUT',
    path,
    body: { compatibility },
  })
  if (status !== 200) throw new Error(`the registry did not take the rule: ${status}`)
}

/** Registers what the subject's rule would refuse, and sets the rule back. */
export async function registerAgainstTheRule(
  attack: Attack,
  schema: unknown,
  over: { readonly schemaType?: 'PROTOBUF' | 'JSON' } = {},
): Promise<number> {
  await setRule(attack, 'NONE')
  try {
    return await register(attack, schema, over)
  } finally {
    await setRule(attack, 'FULL_TRANSITIVE')
  }
}

/** An event in wire format as a producer with this schema writes it. */
export function eventUnder(
  schema: unknown,
  schemaId: number,
  over: Readonly<Record<string, unknown>>,
): Buffer {
  const type = avro.Type.forSchema(schema as avro.Schema)
  if (!(type instanceof avro.types.RecordType)) throw new Error('this schema is no record')
  const defaults = Object.fromEntries(type.fields.map((field) => [field.name, field.defaultValue()]))
  return Buffer.concat([wireHead(schemaId), type.toBuffer({ ...defaults, ...over })])
}

export function wireHead(schemaId: number): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(schemaId, 1)
  return head
}

/** What an event of a case says: shown as such in `daybook.audit`. */
export const ownEvent = (id: string) => ({
  event_id: id,
  tenant_id: 'hostile',
  action: 'case.sent',
  occurred_at: Date.now(),
})
