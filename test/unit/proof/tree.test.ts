import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptyFrontier, mergeRanges, rangeOfLeaves, rootOf } from '../../../proof/compact-range.ts'
import { HASH_BYTES } from '../../../proof/crypto.ts'
import { nodeCrypto } from '../../../proof/node.ts'
import { TreeView } from '../../../proof/tree-view.ts'
import { verifyConsistency, verifyInclusion } from '../../../proof/verify.ts'

const { sha256 } = nodeCrypto

/** RFC 6962 §2.1 word for word, over leaf hashes. */
function rfcRoot(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves
  if (first === undefined) return createHash('sha256').digest()
  if (leaves.length === 1) return first
  let k = 1
  while (k * 2 < leaves.length) k *= 2
  const both = [rfcRoot(leaves.slice(0, k)), rfcRoot(leaves.slice(k))]
  return createHash('sha256')
    .update(Buffer.from([1]))
    .update(Buffer.concat(both))
    .digest()
}

function leavesOf(count: number): Buffer[] {
  return Array.from({ length: count }, (_, i) => createHash('sha256').update(`leaf ${i}`).digest())
}

const concat = (leaves: readonly Buffer[]) => new Uint8Array(Buffer.concat(leaves))

test('a tree that grows by ranges of any size has the root of RFC 6962', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 6 }), (sizes) => {
      const leaves = leavesOf(sizes.reduce((sum, size) => sum + size, 0))
      let frontier = emptyFrontier
      let at = 0
      for (const size of sizes) {
        const own = rangeOfLeaves(BigInt(at), concat(leaves.slice(at, at + size)), sha256)
        frontier = mergeRanges(frontier, own, sha256)
        at += size
      }
      expect(frontier).toEqual(rangeOfLeaves(0n, concat(leaves), sha256))
      expect(Buffer.from(rootOf(frontier, sha256))).toEqual(rfcRoot(leaves))
    }),
    { numRuns: 200 },
  )
})

test('frontier and own leaves prove each own leaf, and no other leaf, index or size', () => {
  for (let size = 1; size <= 33; size++) {
    const leaves = leavesOf(size)
    const root = rfcRoot(leaves)
    for (let before = 0; before < size; before += 3) {
      const view = new TreeView({
        frontier: rangeOfLeaves(0n, concat(leaves.slice(0, before)), sha256),
        leaves: concat(leaves.slice(before)),
        sha256,
      })
      expect(Buffer.from(view.root())).toEqual(root)
      for (let i = before; i < size; i++) {
        const o = { index: BigInt(i), size: BigInt(size), root, path: view.inclusionProof(BigInt(i)), sha256 }
        const leafHash = leaves[i] ?? Buffer.alloc(HASH_BYTES)
        expect(verifyInclusion({ ...o, leafHash })).toBe(true)
        expect(verifyInclusion({ ...o, leafHash: Buffer.alloc(HASH_BYTES) })).toBe(false)
        expect(verifyInclusion({ ...o, leafHash, index: BigInt((i + 1) % (size + 1)) })).toBe(false)
        expect(verifyInclusion({ ...o, leafHash, path: [...o.path, root] })).toBe(false)
        expect(verifyInclusion({ ...o, leafHash, size: o.size * 2n + 1n })).toBe(false)
        if (o.path.length > 0) expect(verifyInclusion({ ...o, leafHash, path: o.path.slice(1) })).toBe(false)
      }
    }
  }
})

test('consistency holds between every two sizes, and with no other root', () => {
  const leaves = leavesOf(33)
  for (let newSize = 0; newSize <= 33; newSize++) {
    for (let oldSize = 0; oldSize <= newSize; oldSize++) {
      const view = new TreeView({ frontier: emptyFrontier, leaves: concat(leaves.slice(0, newSize)), sha256 })
      const o = {
        oldSize: BigInt(oldSize),
        newSize: BigInt(newSize),
        oldRoot: rfcRoot(leaves.slice(0, oldSize)),
        newRoot: rfcRoot(leaves.slice(0, newSize)),
        path: view.consistencyProof(BigInt(oldSize)),
        sha256,
      }
      expect(verifyConsistency(o)).toBe(true)
      expect(verifyConsistency({ ...o, path: [...o.path, o.oldRoot] })).toBe(false)
      if (oldSize === 0) continue
      const other = Buffer.alloc(HASH_BYTES, 7)
      expect(verifyConsistency({ ...o, oldRoot: other })).toBe(false)
      expect(verifyConsistency({ ...o, newRoot: other })).toBe(false)
    }
  }
})

test('a frontier proves growth from its own size on', () => {
  const leaves = leavesOf(29)
  for (let before = 1; before < 29; before++) {
    const frontier = rangeOfLeaves(0n, concat(leaves.slice(0, before)), sha256)
    const view = new TreeView({ frontier, leaves: concat(leaves.slice(before)), sha256 })
    const path = view.consistencyProof(BigInt(before))
    const roots = { oldRoot: rootOf(frontier, sha256), newRoot: rfcRoot(leaves) }
    expect(verifyConsistency({ oldSize: BigInt(before), newSize: 29n, ...roots, path, sha256 })).toBe(true)
  }
})

test('ranges that begin anywhere merge to the range over both', () => {
  const leaves = leavesOf(40)
  const range = (from: number, to: number) =>
    rangeOfLeaves(BigInt(from), concat(leaves.slice(from, to)), sha256)
  for (let begin = 0; begin < 12; begin++) {
    for (let middle = begin; middle < 30; middle++) {
      for (let end = middle; end < 40; end += 3) {
        expect(mergeRanges(range(begin, middle), range(middle, end), sha256)).toEqual(range(begin, end))
      }
    }
  }
})

test('ranges that are not adjacent do not merge', () => {
  const range = rangeOfLeaves(2n, concat(leavesOf(2)), sha256)
  expect(() => mergeRanges(emptyFrontier, range, sha256)).toThrow(RangeError)
})
