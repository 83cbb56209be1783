import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { MerkleTree } from '../../integrity/faults/verify/merkle.ts'

const hash = (...parts: readonly Buffer[]): Buffer =>
  parts.reduce((hasher, part) => hasher.update(part), createHash('sha256')).digest()
const leaf = (n: number): Buffer => hash(Buffer.of(0), Buffer.from(`leaf ${n}`))
const node = (left: Buffer, right: Buffer): Buffer => hash(Buffer.of(1), left, right)

function treeOf(size: number): MerkleTree {
  const tree = new MerkleTree()
  for (let n = 0; n < size; n++) tree.add(Buffer.from(`leaf ${n}`))
  return tree
}

test('roots of small trees are those of RFC 6962, section 2.1', () => {
  expect(treeOf(0).root()).toEqual(hash())
  expect(treeOf(1).root()).toEqual(leaf(0))
  expect(treeOf(3).root()).toEqual(node(node(leaf(0), leaf(1)), leaf(2)))
  expect(treeOf(5).root()).toEqual(node(node(node(leaf(0), leaf(1)), node(leaf(2), leaf(3))), leaf(4)))
})

test('a tree that grew has the root of one that was made at once', () => {
  const grown = new MerkleTree()
  for (let n = 0; n < 70; n++) {
    grown.add(Buffer.from(`leaf ${n}`))
    expect(grown.root()).toEqual(treeOf(n + 1).root())
  }
})
