import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withoutJava } from './broker.ts'
import { compareAtBoundaries, compareWithJava } from './java-differences.ts'
import { JavaReader } from './java-reader.ts'

const COUNT = 2_000
const seed = Number(process.env['DAYBOOK_SEED'] ?? Date.now() % 1_000_000)

describe.skipIf(withoutJava)("what Kafka's own consumer makes of record batches", () => {
  let java: JavaReader
  beforeAll(() => {
    java = new JavaReader(20)
  })
  afterAll(() => java.close())

  it(`is what we make of them (seed ${seed})`, async () => {
    const { differences, read, refused, byCodec } = await compareWithJava(java, COUNT, seed)
    expect(differences.slice(0, 3)).toEqual([])
    expect(Math.min(read, refused)).toBeGreaterThan(COUNT / 5)
    for (const codec of [0, 1, 2, 3, 4]) expect(byCodec.get(codec)).toBeGreaterThan(COUNT / 10)
  })

  it('is what we make of them where streams end at the end of its buffers', async () => {
    const { differences, read, refused } = await compareAtBoundaries(java, seed)
    expect(differences.slice(0, 3).map((difference) => difference.slice(0, 400))).toEqual([])
    expect(Math.min(read, refused)).toBeGreaterThan(50)
  })
})
