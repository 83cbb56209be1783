import { describe, expect, it } from 'vitest'
import { frame, HEADER_BYTES, schemaIdOf } from '../../../schemas/wire.ts'

describe('the wire format', () => {
  it('is 0x00 and the schema id, big-endian, in front of the payload', () => {
    expect(frame(0x01020304, Buffer.from('ab')).toString('hex')).toBe('00010203046162')
  })

  it('gives the id back, also with the highest bit set and without payload', () => {
    for (const id of [0, 1, 0x7fffffff, 0x80000000, 0xffffffff])
      expect(schemaIdOf(frame(id, Buffer.alloc(0)))).toBe(id)
  })

  it('is not recognised in a value that is too short or begins otherwise', () => {
    expect(schemaIdOf(Buffer.alloc(HEADER_BYTES - 1))).toBeNull()
    expect(schemaIdOf(Buffer.from('{"a":1}'))).toBeNull()
  })
})
