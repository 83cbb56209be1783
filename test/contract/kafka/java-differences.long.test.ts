import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withoutJava } from './broker.ts'
import { compareWithJava } from './java-differences.ts'
import { JavaReader } from './java-reader.ts'

const COUNT = 40_000
const seed = Number(process.env['DAYBOOK_SEED'] ?? Date.now() % 1_000_000)

describe.skipIf(withoutJava)("what Kafka's own consumer makes of many record batches", () => {
  let java: JavaReader
  beforeAll(() => {
    java = new JavaReader(60)
  })
  afterAll(() => java.close())

  it(`is what we make of them (seed ${seed})`, async () => {
    const { differences, read, refused, byRule } = await compareWithJava(java, COUNT, seed)
    expect(differences.slice(0, 3)).toEqual([])
    expect(Math.min(read, refused)).toBeGreaterThan(COUNT / 5)
    // Few enough that they cannot hide anything else.
    expect([...byRule.values()].reduce((sum, times) => sum + times, 0)).toBeLessThan(COUNT / 10)
  })
})
