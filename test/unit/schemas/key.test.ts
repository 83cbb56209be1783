import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventKey } from '../../../schemas/key.ts'

const text = fc.oneof(
  fc.string({ maxLength: 20 }),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.integer({ min: 120, max: 135 }).map((length) => 'x'.repeat(length)),
  fc.integer({ min: 60, max: 70 }).map((length) => 'é'.repeat(length)),
)

test('a key is the head of SHA-256 over the texts with their byte lengths, short and long ones alike', () => {
  fc.assert(
    fc.property(text, text, text, (tenantId, targetType, targetId) => {
      const preimage = [tenantId, targetType, targetId].flatMap((part) => {
        const bytes = Buffer.from(part, 'utf8')
        const length = Buffer.alloc(4)
        length.writeUInt32BE(bytes.length)
        return [length, bytes]
      })
      const expected = createHash('sha256').update(Buffer.concat(preimage)).digest().subarray(0, 8)
      expect(eventKey({ tenantId, targetType, targetId }).equals(expected)).toBe(true)
    }),
    { numRuns: 500 },
  )
})
