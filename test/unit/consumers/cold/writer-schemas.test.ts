import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { WriterSchemas } from '../../../../consumers/cold/writer-schemas.ts'
import type { AvroField, AvroRecordSchema } from '../../../../schemas/avro-schema.ts'

function schemas(...fieldsOf: readonly (readonly AvroField[])[]): WriterSchemas {
  const known = fieldsOf.map((fields): AvroRecordSchema => ({ type: 'record', name: 'E', fields }))
  return new WriterSchemas({
    newest: { schema: { type: 'record', name: 'E', fields: [] } },
    schemaOf: (id) => {
      const schema = known[id]
      if (schema === undefined) throw new RangeError('no such schema')
      return { id, text: JSON.stringify(schema), schema }
    },
  })
}
const field = (name: string, type: AvroField['type'], fallback: unknown): AvroField => ({
  name,
  type,
  default: fallback,
})

test('rows take the schema that has a place for all that the others say', async () => {
  const [a, b] = [field('a', 'string', ''), field('b', 'string', '')]
  expect(await schemas([a], [a, b], [b]).prepare(new Set([0, 1, 2]))).toBe(1)
})

test('where none has, they take the newest that no other has more places than', async () => {
  const [a, b] = [field('a', 'string', ''), field('b', 'string', '')]
  const made = schemas([a, field('c', 'string', '')], [b, a], [a])
  expect(await made.prepare(new Set([0, 1, 2]))).toBe(1)
  expect([0, 2].map((id) => made.resolver(id, 1) === null)).toEqual([false, false])
})

test('rows of a hundred wide schemas are prepared in turns of the event loop', async () => {
  const wide = Array.from({ length: 450 }, (_, n) => field(`f${n}`, 'long', 0))
  const all = Array.from({ length: 100 }, (_, n) => [field(`own${n}`, 'string', ''), ...wide])
  const made = schemas(...all)
  let turns = 0
  let ended = false
  const prepared = made.prepare(new Set(all.keys())).finally(() => {
    ended = true
  })
  for (; !ended; turns++) await setImmediate()
  expect(await prepared).toBe(99)
  expect(turns).toBeGreaterThan(5)
  const began = performance.now()
  expect(await made.prepare(new Set(all.keys()))).toBe(99)
  expect(performance.now() - began).toBeLessThan(200)
})

test('a pair that does not go together is found out once', () => {
  const made = schemas([field('a', 'string', '')], [field('a', 'long', 0)])
  expect([made.resolver(0, 1), made.resolver(0, 1)]).toEqual([null, null])
})

test('a default that does not fit keeps a schema from being written to, and stops nothing', async () => {
  const made = schemas([field('a', 'string', '')], [field('a', 'string', ''), field('b', 'long', 'text')])
  expect(await made.prepare(new Set([0, 1]))).toBe(0)
  expect(made.resolver(0, 1)).toBeNull()
})
