import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { identifier, quote, quoteAll } from '../../../consumers/hot/clickhouse/quote.ts'
import { type HotDatabase, hotDatabase } from '../../support/hot/database.ts'

let db: HotDatabase
beforeAll(async () => {
  db = await hotDatabase()
})
afterAll(() => db.drop())

/** Whatever a name could hold, and often what SQL gives a meaning. */
const odd = fc.string({
  unit: fc.oneof(fc.constantFrom(...'\'"`\\%{}\n\t\0;-/*'), fc.string({ unit: 'binary', size: 'small' })),
  maxLength: 12,
})

it('any text is what it was when ClickHouse has read it as a literal', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(odd, { minLength: 1, maxLength: 20 }), async (texts) => {
      const wellFormed = texts.map((text) => text.toWellFormed())
      const [row] = await db.rows<{ hex: readonly string[]; one: string }>(
        `SELECT arrayMap(x -> hex(x), ${quoteAll(wellFormed)}) AS hex, hex(${quote(wellFormed[0] ?? '')}) AS one`,
      )
      const hex = wellFormed.map((text) => Buffer.from(text).toString('hex').toUpperCase())
      expect(row).toEqual({ hex, one: hex[0] })
    }),
    { numRuns: 40 },
  )
})

it('any name is what it was when ClickHouse has read it as an identifier', async () => {
  await fc.assert(
    fc.asyncProperty(odd, async (text) => {
      const name = `x${text.toWellFormed().replaceAll('\0', '')}`
      const [row] = await db.rows<Record<string, number>>(`SELECT 1 AS ${identifier(name)}`)
      expect(Object.keys(row ?? {})).toEqual([name])
    }),
    { numRuns: 40 },
  )
})
