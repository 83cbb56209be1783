import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { LeafHasher } from '../../../proof/leaf.ts'
import { nodeCrypto } from '../../../proof/node.ts'

const MAX_LONG = 2n ** 63n - 1n

const hasher = () => new LeafHasher({ logId: 'log', sha256: nodeCrypto.sha256 })

test('a leaf holds any 64-bit time as it is stored', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (long) => {
      const appendTime = Number(long)
      const entry = hasher().entry({ offset: 1n, appendTime, key: null, value: null })
      const exact = BigInt(appendTime)
      const stored = exact > MAX_LONG ? MAX_LONG : exact
      expect(Buffer.from(entry).readBigInt64BE(entry.length - 16)).toBe(stored)
    }),
    { numRuns: 2_000, examples: [[2n ** 63n - 1n], [-(2n ** 63n)], [-1n], [2n ** 53n], [-(2n ** 53n) - 2n]] },
  )
})

test('a large record leaves no large memory behind, and changes no later leaf', async () => {
  const small = { offset: 2n, appendTime: 3, key: Buffer.from('k'), value: Buffer.from('v') }
  const expected = hasher().entry(small)
  const used = hasher()
  used.entry({ ...small, value: Buffer.alloc(16 * 1024 * 1024) })
  expect(used.entry(small)).toEqual(expected)
  const collect = garbageCollector()
  const many = Array.from({ length: 64 }, hasher)
  const large = { ...small, value: Buffer.alloc(4 * 1024 * 1024) }
  collect()
  const before = process.memoryUsage().arrayBuffers
  for (const one of many) one.hashInto(large, new Uint8Array(32), 0)
  // What nobody holds is set free in the background.
  await vi.waitFor(
    () => {
      collect()
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
    },
    { timeout: 20_000 },
  )
})

test('a large record has the same leaf whether its parts are put together or hashed one after the other', () => {
  const bytes = (length: number) => Buffer.alloc(length, length)
  const lengths = [null, 0, 1, 65_000, 65_536, 200_000]
  const { sha256, sha256Parts } = nodeCrypto
  expect(sha256Parts).toBeDefined()
  const inParts = new LeafHasher({ logId: 'log', sha256, sha256Parts })
  for (const keyLength of lengths) {
    for (const valueLength of lengths) {
      const [key, value] = [keyLength, valueLength].map((length) => (length === null ? null : bytes(length)))
      const record = { offset: 2n ** 40n, appendTime: -1, key: key ?? null, value: value ?? null }
      const [whole, parts] = [Buffer.alloc(32), Buffer.alloc(32)]
      hasher().hashInto(record, whole, 0)
      inParts.hashInto(record, parts, 0)
      expect(parts).toEqual(whole)
    }
  }
})

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new Error('no garbage collector')
  return () => collect()
}
