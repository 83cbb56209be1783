import avro from 'avsc'
import fc from 'fast-check'
import { expect } from 'vitest'
import { usualEvents } from '../../bench/events/generate.ts'
import { AUDIT_EVENT_SCHEMA } from '../../schemas/generated/audit-event.ts'
import { withMapEntries } from '../../schemas/map-entries.ts'
import { ReferenceReader } from '../../schemas/reference-reader.ts'
import { compileSkipper } from '../../schemas/skip.ts'
import { mutationsOf, randomRecord } from './random-record.ts'

/** Random schemas and bytes: checker and second reader say the same, and avsc reads what they take. */
export function agreeOnRandomSchemas(numRuns: number): void {
  const taken = { yes: 0, no: 0 }
  fc.assert(
    fc.property(randomRecord(), ({ schema, bytes }) => {
      const isTaken = compileSkipper(schema, []).check(bytes, 0, bytes.length) === 0
      expect(new ReferenceReader(schema).isRecord(bytes, 0, bytes.length)).toBe(isTaken)
      taken[isTaken ? 'yes' : 'no']++
      if (isTaken) expectReadByAvsc(schema, bytes)
    }),
    { numRuns },
  )
  expect(taken.yes).toBeGreaterThan(numRuns / 10)
  expect(taken.no).toBeGreaterThan(numRuns / 10)
}

export function agreeOnMutatedEvents(numRuns: number): void {
  const skipper = compileSkipper(AUDIT_EVENT_SCHEMA)
  const reference = new ReferenceReader(AUDIT_EVENT_SCHEMA)
  const taken = { yes: 0, no: 0 }
  fc.assert(
    fc.property(mutationsOf([...usualEvents({ seed: 5, count: 100 })]), (bytes) => {
      const isTaken = skipper.check(bytes, 0, bytes.length) === 0
      expect(reference.isRecord(bytes, 0, bytes.length)).toBe(isTaken)
      taken[isTaken ? 'yes' : 'no']++
    }),
    { numRuns },
  )
  expect(taken.yes).toBeGreaterThan(numRuns / 100)
}

/** avsc holds longs in numbers and refuses those beyond 2^53; some schemas are too odd for it. */
function expectReadByAvsc(schema: unknown, bytes: Buffer): void {
  let type: avro.Type
  try {
    type = avro.Type.forSchema(JSON.parse(withMapEntries(JSON.stringify(schema))), { wrapUnions: true })
  } catch {
    return
  }
  try {
    type.fromBuffer(bytes)
  } catch (error) {
    expect(String(error)).toContain('precision loss')
  }
}
