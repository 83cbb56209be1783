import fc from 'fast-check'

/** A random schema with a value of it, as avsc takes them (unions unwrapped only where that is unambiguous). */
export interface SchemaAndValue {
  readonly schema: unknown
  readonly value: unknown
}

interface TypeWithValues {
  readonly type: unknown
  readonly values: fc.Arbitrary<unknown>
}

const text = fc.string({ unit: 'binary', maxLength: 80 })
const integer = fc.oneof(fc.integer(), fc.integer({ min: -100, max: 100 }))
/** avsc writes longs up to one less than the safe integers, in both directions. */
const MAX_LONG = Number.MAX_SAFE_INTEGER - 1
const long = fc
  .oneof(fc.maxSafeInteger(), fc.integer({ min: -70, max: 70 }))
  .map((n) => Math.min(Math.max(n, -MAX_LONG), MAX_LONG))

const PRIMITIVES: readonly TypeWithValues[] = [
  { type: 'null', values: fc.constant(null) },
  { type: 'boolean', values: fc.boolean() },
  { type: 'int', values: integer },
  { type: 'long', values: long },
  { type: 'float', values: fc.float({ noNaN: true }) },
  { type: 'double', values: fc.double({ noNaN: true }) },
  { type: 'bytes', values: fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b)) },
  { type: 'string', values: text },
]

const LAST: TypeWithValues = { type: 'int', values: integer }

/** Record schemas of every Avro type, nested up to `depth`, with a value. */
export function schemaAndValue(depth = 3): fc.Arbitrary<SchemaAndValue> {
  let names = 0
  const fresh = (prefix: string) => `${prefix}${names++}`
  const type = (left: number): fc.Arbitrary<TypeWithValues> => {
    const flat = fc.constantFrom(...PRIMITIVES)
    const enumeration = fc.integer({ min: 1, max: 90 }).map((n): TypeWithValues => {
      const symbols = Array.from({ length: n }, (_, i) => `S${i}`)
      return { type: { type: 'enum', name: fresh('E'), symbols }, values: fc.constantFrom(...symbols) }
    })
    const fixed = fc.integer({ min: 1, max: 20 }).map(
      (size): TypeWithValues => ({
        type: { type: 'fixed', name: fresh('F'), size },
        values: fc.uint8Array({ minLength: size, maxLength: size }).map((b) => Buffer.from(b)),
      }),
    )
    if (left === 0) return fc.oneof(flat, flat, enumeration, fixed)
    const inner = type(left - 1)
    return fc.oneof(
      flat,
      enumeration,
      fixed,
      inner.map(array),
      inner.map(map),
      inner.map(nullable),
      record(type(left - 1)),
    )
  }
  const record = (field: fc.Arbitrary<TypeWithValues>) =>
    fc
      .array(field, { maxLength: 5 })
      .map((some) => [...some, LAST])
      .map(
        (fields): TypeWithValues => ({
          type: {
            type: 'record',
            name: fresh('R'),
            fields: fields.map((f, i) => ({ name: `f${i}`, type: f.type })),
          },
          values: fc
            .tuple(...fields.map((f) => f.values))
            .map((list) => Object.fromEntries(list.map((v, i) => [`f${i}`, v]))),
        }),
      )
  return record(type(depth)).chain(({ type: schema, values }) => values.map((value) => ({ schema, value })))
}

/** Many items in no bytes are refused by design (`SkipFault.COUNT`), so no item is made of nothing. */
function array(items: TypeWithValues): TypeWithValues {
  if (items.type === 'null') return items
  return { type: { type: 'array', items: items.type }, values: fc.array(items.values, { maxLength: 6 }) }
}

/** Without `__proto__`: avsc, which encodes these values, loses that key (`withMapEntries`). */
function map(values: TypeWithValues): TypeWithValues {
  const keys = fc.string({ minLength: 1, maxLength: 8 }).filter((key) => key !== '__proto__')
  return {
    type: { type: 'map', values: values.type },
    values: fc.dictionary(keys, values.values, { maxKeys: 5, noNullPrototype: true }),
  }
}

function nullable(inner: TypeWithValues): TypeWithValues {
  if (inner.type === 'null' || Array.isArray(inner.type)) return inner
  return { type: ['null', inner.type], values: fc.oneof(fc.constant(null), inner.values) }
}
