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

test('rows take the schema that has a place for all that the others say', () => {
  const [a, b] = [field('a', 'string', ''), field('b', 'string', '')]
  expect(schemas([a], [a, b], [b]).base(new Set([0, 1, 2]))).toBe(1)
})

test('where none has, they take one that all the others can be brought into', () => {
  const narrow = field('reason', 'string', '')
  const wide = field('reason', ['null', 'string'], null)
  const made = schemas([wide, field('a', 'string', '')], [narrow, field('b', 'string', '')])
  expect(made.base(new Set([0, 1]))).toBe(0)
  expect(() => made.resolver(1, 0)).not.toThrow()
})
