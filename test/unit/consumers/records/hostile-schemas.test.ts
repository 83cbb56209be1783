import { setImmediate } from 'node:timers/promises'
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

const LONG = 'x'.repeat(104_000)
/** A list of so many records, each of which has the default of its one field. */
const repeated = (fallback: string, times: number) => {
  const items = { type: 'record', name: 'R', fields: [{ name: 's', type: 'string', default: fallback }] }
  return withType({ type: 'array', items }, Array(times).fill({}))
}
/** The newest schema with one more field in the records of a list that it has. */
const withItemField = (type: unknown, fallback: unknown) =>
  changed('changes', (field) => {
    const items = {
      ...field.type.items,
      fields: [...field.type.items.fields, { name: 'more', type, default: fallback }],
    }
    return { ...field, type: { ...field.type, items } }
  })
// biome-ignore lint/suspicious/noExplicitAny: a schema's JSON as it comes from the registry.
function changed(name: string, change: (field: any) => object): string {
  const fields = AUDIT_EVENT_SCHEMA.fields.map((field) => (field.name === name ? change(field) : field))
  return JSON.stringify({ ...AUDIT_EVENT_SCHEMA, fields })
}
/** Fields of one record type, whose definition so stands in the schema of archive rows once for each. */
const manyOf = (record: object, times: number) =>
  withFields(
    ...Array.from({ length: times }, (_, n) => ({
      name: `m${n}`,
      type: n === 0 ? { type: 'record', name: 'M', fields: [record] } : 'M',
      default: {},
    })),
  )

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
  ['a long default in each item of a default', () => repeated(LONG, 1_600)],
  ['a default of ten thousand bytes', () => withType('string', 'x'.repeat(10_000))],
  ['defaults of ten thousand bytes together', () => repeated('x'.repeat(100), 100)],
  ['a default of thousands for each item of a list', () => withItemField('string', 'x'.repeat(1_000))],
  [
    'items of no bytes, which have defaults with us',
    () =>
      changed('changes', (field) => ({
        ...field,
        type: { ...field.type, items: { ...field.type.items, fields: [] } },
      })),
  ],
  [
    'a text beside a field that 400 fields repeat',
    () => manyOf({ name: 'v', type: 'int', default: 0, doc: 'd'.repeat(80_000) }, 400),
  ],
  [
    '360,000 columns',
    () =>
      withFields(
        ...Array.from({ length: 600 }, (_, n) => ({
          name: `m${n}`,
          type:
            n === 0
              ? { type: 'record', name: 'M', fields: Array.from({ length: 600 }, (_, f) => text(`f${f}`)) }
              : 'M',
          default: {},
        })),
      ),
  ],
  [
    'a namespace of 60,000 characters',
    () => withType({ type: 'record', name: 'N', namespace: 'n'.repeat(60_000), fields: [] }, {}),
  ],
  ['a default that no int is', () => withType('int', 3_000_000_000)],
  ['a default that no UUID is', () => withType({ type: 'string', logicalType: 'uuid' }, 'nonsense')],
  ['a default that no time is', () => withType({ type: 'long', logicalType: 'timestamp-millis' }, 1e15)],
  [
    'a correction of no UUID by default',
    () => changed('corrects', (field) => ({ ...field, type: ['string', 'null'], default: '' })),
  ],
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

/** Objects and buffers, garbage included: what is taken for a moment counts. */
function memoryBytes(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
const MAX_MEMORY_BYTES = 32 * 1024 * 1024

describe('a schema that somebody registered under our subject', () => {
  it.each(refused)('is refused at once: %s', (_name, make) => {
    const made = make()
    const began = performance.now()
    const memory = memoryBytes()
    expect(judge(made).kind).toBe('wrong')
    expect(performance.now() - began).toBeLessThan(1_000)
    expect(memoryBytes() - memory).toBeLessThan(MAX_MEMORY_BYTES)
    expect('pwned' in globalThis).toBe(false)
  })

  const taken: readonly [string, () => string][] = [
    ['defaults of eight thousand bytes', () => withType('string', 'x'.repeat(8_000))],
    ['a default of some bytes for each item of a list', () => withItemField('string', 'none')],
    [
      'records of a list without some of our fields',
      () =>
        changed('changes', (field) => ({
          ...field,
          type: {
            ...field.type,
            items: { ...field.type.items, fields: field.type.items.fields.slice(0, 1) },
          },
        })),
    ],
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

  it('are taken as long as their texts and checkers are not larger than those of a worker may be', async () => {
    const fields = Array.from({ length: 440 }, (_, n) => ({
      name: `f${n}`,
      type: ['null', 'string'],
      default: null,
    }))
    const versions = Array.from({ length: 40 }, (_, n) =>
      withFields({ ...text('own'), doc: String(n) }, ...fields),
    )
    const found = kinds(await load([AUDIT_EVENT_SCHEMA_TEXT, ...versions]))
    const large = found.slice(1).filter((kind) => kind === 'event').length
    expect(large).toBeGreaterThan(10)
    expect(large).toBeLessThan(40)
    expect(found[0]).toBe('event')
  })

  it('are compared in turns of the event loop, however many fields they have', async () => {
    const fields = Array.from({ length: 440 }, (_, n) => ({ name: `f${n}`, type: 'long', default: 0 }))
    const versions = Array.from({ length: 50 }, (_, n) => withFields(text(`own${n}`), ...fields))
    let ended = false
    const loaded = load(versions).finally(() => {
      ended = true
    })
    const turns: number[] = []
    for (let since = performance.now(); !ended; since = performance.now()) {
      await setImmediate()
      turns.push(performance.now() - since)
    }
    expect(kinds(await loaded)).toEqual(Array(50).fill('event'))
    expect(turns.length).toBeGreaterThan(50)
    // One version takes some 30 ms by itself, with the others it is compared in slices of 10.
    expect(turns.toSorted((a, b) => a - b)[Math.floor(turns.length / 2)]).toBeLessThan(100)
  })

  it('that contradict each other are not taken together: no file could hold records of both', async () => {
    const versions = [AUDIT_EVENT_SCHEMA_TEXT, withType('string', ''), withType('long', 0)]
    expect(kinds(await load(versions))).toEqual(['event', 'event', 'wrong'])
  })
})
