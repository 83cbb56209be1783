import { describe, expect, it, test } from 'vitest'
import { judgeSchema, type SchemaEntry } from '../../../../consumers/records/known-schema.ts'
import { createCatalogue } from '../../../../consumers/records/schema-catalogue.ts'
import type { AvroField, AvroSchema } from '../../../../schemas/avro-schema.ts'
import { AUDIT_EVENT_SCHEMA, AUDIT_EVENT_SCHEMA_TEXT } from '../../../../schemas/generated/audit-event.ts'
import { ReferenceReader } from '../../../../schemas/reference-reader.ts'
import { compileSkipper } from '../../../../schemas/skip.ts'
import { FakeRegistryReader } from '../../../support/fakes/fake-registry-reader.ts'

const newest = { text: AUDIT_EVENT_SCHEMA_TEXT, schema: AUDIT_EVENT_SCHEMA }

function withFields(...fields: readonly object[]): string {
  return JSON.stringify({ ...AUDIT_EVENT_SCHEMA, fields: [...AUDIT_EVENT_SCHEMA.fields, ...fields] })
}
const withType = (type: unknown, fallback: unknown = null) =>
  withFields({ name: 'extra', type, default: fallback })
const judge = (text: string) => judgeSchema(7, { text, schemaType: 'AVRO' }, newest)

/** Records that hold two of the next, down to `depth`: 2^depth of the last. */
function tree(depth: number, fallback?: object, last: AvroField[] = []): object {
  if (depth === 0) return { type: 'record', name: 'T0', fields: last }
  const rest = fallback === undefined ? {} : { default: fallback }
  const fields = [
    { name: 'a', type: tree(depth - 1, fallback, last), ...rest },
    { name: 'b', type: `T${depth - 1}`, ...rest },
  ]
  return { type: 'record', name: `T${depth}`, fields }
}

/** The same, side by side, so that nothing is nested: each is defined before it is used twice. */
function sideBySide(depth: number, last: object[], use = (name: string): unknown => name): object[] {
  return Array.from({ length: depth }, (_, n) => {
    const inner = ['a', 'b'].map((name) => ({ name, type: use(`T${n - 1}`), default: {} }))
    return { type: 'record', name: `T${n}`, fields: n === 0 ? last : inner }
  })
}
const LEAF = [{ name: 'v', type: 'long', default: 0 }]
const required = (type: object, n: number) => ({ name: `t${n}`, type, default: {} })
const optional = (type: object, n: number) => ({ name: `t${n}`, type: ['null', type], default: null })
const without = (name: string, ...fields: object[]) =>
  JSON.stringify({
    ...AUDIT_EVENT_SCHEMA,
    fields: [...AUDIT_EVENT_SCHEMA.fields.filter((one) => one.name !== name), ...fields],
  })
const text = (name: string) => ({ name, type: 'string', default: '' })

function nest(depth: number): unknown {
  let type: unknown = 'string'
  for (let n = 0; n < depth; n++) type = { type: 'array', items: type }
  return type
}

const SELF = { type: 'record', name: 'Self', fields: [{ name: 'self', type: 'Self' }] }
const EACH_OTHER = {
  type: 'record',
  name: 'A',
  fields: [{ name: 'b', type: { type: 'record', name: 'B', fields: [{ name: 'a', type: 'A' }] } }],
}
const OWN_UNION = { type: 'record', name: 'A', fields: [{ name: 'a', type: ['A'] }] }
const deepAttribute = (depth: number) =>
  withType('int', 0).replace('"default":0', `"default":0,"x":${'['.repeat(depth)}${']'.repeat(depth)}`)

/** Each would be taken but for the one thing that its name says. */
const refused: readonly [string, () => string][] = [
  ['a text of megabytes', () => withType({ type: 'string', doc: 'x'.repeat(3_000_000) }, '')],
  ['ten thousand fields', () => withFields(...Array.from({ length: 10_000 }, (_, n) => text(`f${n}`)))],
  ['six hundred columns', () => withFields(...Array.from({ length: 600 }, (_, n) => text(`f${n}`)))],
  [
    'an enum of ten thousand symbols',
    () =>
      withType({ type: 'enum', name: 'E', symbols: Array.from({ length: 10_000 }, (_, n) => `S${n}`) }, 'S0'),
  ],
  ['types nested a thousand deep', () => withType(nest(1_000), [])],
  ['attributes nested a thousand deep', () => deepAttribute(1_000)],
  ['attributes nested a hundred thousand deep', () => deepAttribute(100_000)],
  ['a default that doubles with each type', () => withFields(...sideBySide(16, LEAF).map(required))],
  [
    'a default that doubles with each union',
    () => withFields(...sideBySide(18, LEAF, (name) => [name]).map(required)),
  ],
  ['fields that double with each type', () => withFields(...sideBySide(40, LEAF).map(optional))],
  ['empty records that double with each type', () => withFields(...sideBySide(40, []).map(optional))],
  ['a default without end', () => withType({ ...SELF, fields: [{ ...SELF.fields[0], default: {} }] }, {})],
  ['a record that contains itself', () => withType(['null', SELF])],
  ['records that contain each other', () => withType({ type: 'array', items: EACH_OTHER }, [])],
  ['a record of a union of nothing but itself', () => withType(['null', OWN_UNION])],
  ['a type that stands elsewhere', () => withType(['null', 'com.example.Elsewhere'])],
  ['a name that is code', () => withFields(text('x"];globalThis.pwned=1;//'))],
  ['a symbol that is code', () => withType({ type: 'enum', name: 'E', symbols: ['a b'] }, 'a b')],
  ['a type whose name is code', () => withType({ type: 'enum', name: 'a b', symbols: ['a'] }, 'a')],
  ['a field that is a column of the archive', () => withFields(text('_offset'))],
  ['a field whose column is that of another', () => withFields(text('actor_id'))],
  ['a field whose column is that of one that it lacks', () => without('actor', text('actor_id'))],
  [
    'a record whose column is that of a field that it lacks',
    () =>
      without('event_id', {
        name: 'event',
        type: { type: 'record', name: 'Ev', fields: [text('id')] },
        default: {},
      }),
  ],
  [
    'a type with the name of one of the archive',
    () => withType({ type: 'enum', name: 'io.daybook.RecordKind', symbols: ['x'] }, 'x'),
  ],
  ['a JSON value that is no object', () => '7'],
  ['null', () => 'null'],
  ['fields that are no list', () => '{"type":"record","name":"io.daybook.AuditEvent","fields":{}}'],
  ['a field that is null', () => '{"type":"record","name":"io.daybook.AuditEvent","fields":[null]}'],
  ['an event that is an array of events', () => `{"type":"array","items":${AUDIT_EVENT_SCHEMA_TEXT}}`],
]

describe('a schema that somebody registered under our subject', () => {
  it.each(refused)('is refused at once: %s', (_name, make) => {
    const made = make()
    const began = performance.now()
    expect(judge(made).kind).toBe('wrong')
    expect(performance.now() - began).toBeLessThan(1_000)
    expect('pwned' in globalThis).toBe(false)
  })

  const taken: readonly [string, () => string][] = [
    ['a tree of empty records', () => withType(tree(8, {}), {})],
    [
      'hundreds of fields',
      () =>
        withFields(
          ...Array.from({ length: 400 }, (_, n) => ({
            name: `f${n}`,
            type: ['null', 'string'],
            default: null,
          })),
        ),
    ],
    [
      'one record in many places',
      () =>
        withFields(
          {
            name: 'first',
            type: {
              type: 'record',
              name: 'R',
              fields: Array.from({ length: 20 }, (_, n) => ({ name: `f${n}`, type: 'int', default: 0 })),
            },
            default: {},
          },
          ...Array.from({ length: 30 }, (_, n) => ({
            name: `r${n}`,
            type: { type: 'array', items: 'R' },
            default: [],
          })),
        ),
    ],
    [
      'a list of itself',
      () =>
        withType(
          { type: 'record', name: 'L', fields: [{ name: 'next', type: ['null', 'L'], default: null }] },
          { next: null },
        ),
    ],
    [
      "fields with the names of an object's own",
      () =>
        withType(
          {
            type: 'record',
            name: 'P',
            fields: ['constructor', 'toString', '__proto__'].map((name) => ({
              name,
              type: 'string',
              default: '',
            })),
          },
          {},
        ),
    ],
  ]
  it.each(taken)('is taken, compiled in bounded time: %s', (_name, make) => {
    const made = make()
    const began = performance.now()
    expect(judge(made).kind).toBe('event')
    expect(performance.now() - began).toBeLessThan(1_000)
  })

  it('makes code of no more than ten times what the event schema does', () => {
    const inner = {
      type: 'record',
      name: 'R',
      fields: Array.from({ length: 300 }, (_, n) => ({ name: `f${n}`, type: 'string', default: '' })),
    }
    const fields = Array.from({ length: 200 }, (_, n) => ({
      name: `r${n}`,
      type: n === 0 ? inner : 'R',
      default: {},
    }))
    expect(judge(withFields(...fields)).kind).toBe('wrong')
  })
})

test('a tree of empty records costs nothing to check, for either reader', () => {
  const schema = { type: 'record' as const, name: 'R', fields: [{ name: 'tree', type: asSchema(tree(30)) }] }
  const bytes = Buffer.alloc(0)
  const began = performance.now()
  expect(compileSkipper(schema, []).check(bytes, 0, 0)).toBe(0)
  expect(new ReferenceReader(schema).isRecord(bytes, 0, 0)).toBe(true)
  expect(performance.now() - began).toBeLessThan(1_000)
})

function asSchema(type: object): AvroSchema {
  return JSON.parse(JSON.stringify(type))
}

describe('many versions', () => {
  async function load(versions: readonly string[]): Promise<(SchemaEntry | undefined)[]> {
    const registry = new FakeRegistryReader()
    for (const [n, text] of versions.entries()) registry.register('s', n + 1, text)
    const clock = { now: () => 0, sleep: async () => undefined, after: () => () => undefined }
    const catalogue = createCatalogue({ registry, clock, newest, subjects: ['s'] })
    await catalogue.load(versions.map((_, n) => n + 1))
    return versions.map((_, n) => catalogue.entry(n + 1))
  }
  const kinds = (entries: readonly (SchemaEntry | undefined)[]) => entries.map((entry) => entry?.kind)

  it('are taken up to a hundred, older ids first, and the others are refused', async () => {
    const versions = Array.from({ length: 120 }, (_, n) =>
      AUDIT_EVENT_SCHEMA_TEXT.replace('One audit event', `Event ${n}`),
    )
    const found = kinds(await load(versions))
    expect(found.filter((kind) => kind === 'event')).toHaveLength(100)
    expect(found.slice(100)).toEqual(Array(20).fill('wrong'))
  })

  it('that contradict each other are not taken together: no file could hold records of both', async () => {
    const versions = [AUDIT_EVENT_SCHEMA_TEXT, withType('string', ''), withType('long', 0)]
    expect(kinds(await load(versions))).toEqual(['event', 'event', 'wrong'])
  })
})
