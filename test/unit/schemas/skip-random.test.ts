import avro from 'avsc'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compileResolver } from '../../../schemas/resolve.ts'
import { compileSkipper } from '../../../schemas/skip.ts'
import { schemaAndValue } from '../../support/random-schema.ts'

/** Under schemas of every type, not only the event's. */
describe('random schemas', () => {
  it('pass what avsc encodes, refuse its every beginning, and normalise it to itself', () => {
    fc.assert(
      fc.property(schemaAndValue(), ({ schema, value }) => {
        const bytes = encode(schema, value)
        const skipper = compileSkipper(JSON.parse(JSON.stringify(schema)), [])
        expect(skipper.check(bytes, 0, bytes.length)).toBe(0)
        expect(skipper.canonical()).toBe(true)
        const step = Math.max(1, Math.floor(bytes.length / 60))
        for (let end = 0; end < bytes.length; end += step) expect(skipper.check(bytes, 0, end)).not.toBe(0)
        const own = JSON.parse(JSON.stringify(schema))
        expect(compileResolver(own, own)(bytes, 0, bytes.length).equals(bytes)).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  it('accept no mutation that avsc does not read', () => {
    fc.assert(
      fc.property(
        schemaAndValue(2),
        fc.nat(),
        fc.integer({ min: 0, max: 255 }),
        ({ schema, value }, at, byte) => {
          const bytes = Buffer.from(encode(schema, value))
          if (bytes.length === 0) return
          bytes[at % bytes.length] = byte
          const skipper = compileSkipper(JSON.parse(JSON.stringify(schema)), [])
          if (skipper.check(bytes, 0, bytes.length) !== 0) return
          try {
            typeOf(schema).fromBuffer(bytes)
          } catch (error) {
            // avsc holds longs in numbers, and refuses those beyond 2^53.
            expect(String(error)).toContain('precision loss')
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

function typeOf(schema: unknown): avro.Type {
  return avro.Type.forSchema(JSON.parse(JSON.stringify(schema)), { wrapUnions: false })
}

function encode(schema: unknown, value: unknown): Buffer {
  return typeOf(schema).toBuffer(value)
}
