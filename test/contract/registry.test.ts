import { randomUUID } from 'node:crypto'
import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import { describe, expect, it } from 'vitest'
import { registerSchema } from '../../operations/registry-admin.ts'
import { createRegistryReader } from '../../runtime/registry.ts'
import { askRegistry } from '../../runtime/registry-http.ts'
import type { AvroField, AvroRecordSchema } from '../../schemas/avro-schema.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../../schemas/generated/audit-event.ts'
import { schemaIdOf } from '../../schemas/wire.ts'
import { anEvent, encodeEvent } from '../support/events.ts'
import { grownSchema } from '../support/grown-schema.ts'
import { removeFromRegistry } from '../support/registry.ts'
import { testStack } from '../support/stack.ts'

const { registry } = testStack()
const { url } = registry
const access = { ...registry, timeoutMs: 10_000 }
/** As a worker reads: without a login. */
const reader = () => createRegistryReader({ url, timeoutMs: 10_000 })
const freshSubject = () => `test.${randomUUID()}-value`

function withField(extra: AvroField): string {
  const grown: AvroRecordSchema = { ...AUDIT_EVENT_SCHEMA, fields: [...AUDIT_EVENT_SCHEMA.fields, extra] }
  return JSON.stringify(grown)
}

describe('registering the event schema', () => {
  it('gives one id for one text, under any subject, and the text comes back unchanged', async () => {
    const [one, two] = [freshSubject(), freshSubject()]
    const id = await registerSchema({ ...access, subject: one, schema: AUDIT_EVENT_SCHEMA_TEXT })
    expect(await registerSchema({ ...access, subject: one, schema: AUDIT_EVENT_SCHEMA_TEXT })).toBe(id)
    expect(await registerSchema({ ...access, subject: two, schema: AUDIT_EVENT_SCHEMA_TEXT })).toBe(id)
    for (const subject of [one, two]) {
      expect(await reader().versions(subject)).toEqual([1])
      expect(await reader().version(subject, 1)).toEqual({
        id,
        text: AUDIT_EVENT_SCHEMA_TEXT,
        schemaType: 'AVRO',
      })
    }
  })

  it('lets every record and every enum grow, and reads both versions', async () => {
    const subject = freshSubject()
    const v1 = await registerSchema({ ...access, subject, schema: AUDIT_EVENT_SCHEMA_TEXT })
    const grown = JSON.stringify(grownSchema())
    const v2 = await registerSchema({ ...access, subject, schema: grown })
    expect(v2).not.toBe(v1)
    expect(await reader().version(subject, 2)).toMatchObject({ id: v2, text: grown })
    expect(await registerSchema({ ...access, subject, schema: AUDIT_EVENT_SCHEMA_TEXT })).toBe(v1)
  })

  it('is refused for a field without default, also when the rule was loosened before', async () => {
    const subject = freshSubject()
    await registerSchema({ ...access, subject, schema: AUDIT_EVENT_SCHEMA_TEXT })
    await askRegistry(access, `/config/${subject}`, { method: 'PUT', body: { compatibility: 'NONE' } })
    const schema = withField({ name: 'extra', type: 'string' })
    await expect(registerSchema({ ...access, subject, schema })).rejects.toMatchObject({
      code: 'DAYBOOK_REGISTRY_INCOMPATIBLE',
      retryable: false,
    })
  })

  it('says what is wrong: no schema, no registry, no registry there', async () => {
    const subject = freshSubject()
    const attempt = (o: object) =>
      registerSchema({ ...access, subject, schema: AUDIT_EVENT_SCHEMA_TEXT, ...o })
    await expect(attempt({ schema: '{' })).rejects.toMatchObject({
      code: 'DAYBOOK_REGISTRY_REJECTED',
      retryable: false,
    })
    await expect(attempt({ url: 'http://127.0.0.1:9' })).rejects.toMatchObject({
      code: 'DAYBOOK_REGISTRY_UNREACHABLE',
    })
    await expect(attempt({ url: new URL('/nowhere', url).href })).rejects.toMatchObject({
      code: 'DAYBOOK_REGISTRY_BAD_ANSWER',
    })
  })
})

describe('reading', () => {
  it('gives nothing for a subject or a version that does not exist', async () => {
    const subject = freshSubject()
    expect(await reader().versions(subject)).toEqual([])
    await registerSchema({ ...access, subject, schema: AUDIT_EVENT_SCHEMA_TEXT })
    expect(await reader().version(subject, 2)).toBeNull()
  })

  it('gives what was deleted softly, a version or the whole subject, and not what was deleted for good', async () => {
    const subject = freshSubject()
    const v1 = await registerSchema({ ...access, subject, schema: AUDIT_EVENT_SCHEMA_TEXT })
    await registerSchema({ ...access, subject, schema: JSON.stringify(grownSchema()) })
    await removeFromRegistry(`/subjects/${subject}/versions/1`)
    expect([...(await reader().versions(subject))].sort()).toEqual([1, 2])
    expect(await reader().version(subject, 1)).toMatchObject({ id: v1, text: AUDIT_EVENT_SCHEMA_TEXT })
    await removeFromRegistry(`/subjects/${subject}`)
    // Apicurio lists the versions of such a subject and does not show them; Confluent's registry does.
    expect([...(await reader().versions(subject))].sort()).toEqual([1, 2])
    expect(await reader().byId(v1)).toMatchObject({ text: AUDIT_EVENT_SCHEMA_TEXT })
    expect((await reader().byId(v1))?.subjects).toContain(subject)
    await removeFromRegistry(`/subjects/${subject}?permanent=true`)
    expect(await reader().versions(subject)).toEqual([])
    expect(await reader().version(subject, 1)).toBeNull()
  })
})

describe("the registry's client", () => {
  it('writes and reads the same bytes and ids as we do', async () => {
    const id = await registerSchema({ ...access, subject: freshSubject(), schema: AUDIT_EVENT_SCHEMA_TEXT })
    const client = new SchemaRegistry({ host: url }, { forSchemaOptions: { wrapUnions: false } })
    const payload = encodeEvent(anEvent({ reason: 'why', actor: { id: 'user-1', type: 'USER' } }))
    const header = Buffer.alloc(5)
    header.writeUInt32BE(id, 1)
    const event = await client.decode(Buffer.concat([header, payload]))
    const value = await client.encode(id, event)
    expect(schemaIdOf(value)).toBe(id)
    expect(value.subarray(5).equals(payload)).toBe(true)
  })
})
