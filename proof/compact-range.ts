/**
 * Compact ranges over an RFC 6962 tree: the hashes of the largest perfect, aligned subtrees that make up the leaves
 * begin..end. A range that begins at 0 (a frontier) is all that is needed to append and to compute the root.
 */
import { HASH_BYTES, type Sha256Into, sha256 } from './crypto.ts'

export interface CompactRange {
  /** Index of the first leaf. */
  readonly begin: bigint
  /** Index after the last leaf. */
  readonly end: bigint
  /** One hash for each subtree, left to right (`subtreeLevels`). */
  readonly hashes: readonly Uint8Array[]
}

export const emptyFrontier: CompactRange = { begin: 0n, end: 0n, hashes: [] }

/** log2 of the sizes of the subtrees that make up begin..end, left to right. */
export function subtreeLevels(begin: bigint, end: bigint): number[] {
  const levels: number[] = []
  for (let at = begin; at < end; ) {
    let level = 0
    while (at % (1n << BigInt(level + 1)) === 0n && at + (1n << BigInt(level + 1)) <= end) level++
    levels.push(level)
    at += 1n << BigInt(level)
  }
  return levels
}

/** SHA-256(0x01 left right): an inner node. Holds its scratch, so a loop allocates nothing but results. */
export class NodeHasher {
  readonly #hash: Sha256Into
  readonly #scratch = new Uint8Array(1 + 2 * HASH_BYTES)

  constructor(hash: Sha256Into) {
    this.#hash = hash
    this.#scratch[0] = 1
  }

  node(left: Uint8Array, right: Uint8Array): Uint8Array {
    this.#scratch.set(left, 1)
    this.#scratch.set(right, 1 + HASH_BYTES)
    return sha256(this.#hash, this.#scratch)
  }

  /** The root of a perfect subtree over `hashes` (concatenated, a power of two of them), which is overwritten. */
  reduce(hashes: Uint8Array): Uint8Array {
    for (let length = hashes.length; length > HASH_BYTES; length /= 2) {
      for (let from = 0, to = 0; from < length; from += 2 * HASH_BYTES, to += HASH_BYTES) {
        this.#scratch.set(hashes.subarray(from, from + 2 * HASH_BYTES), 1)
        this.#hash(this.#scratch, hashes, to)
      }
    }
    return new Uint8Array(hashes.subarray(0, HASH_BYTES))
  }
}

/** The compact range of `leaves` (leaf hashes, concatenated), the first of which has index `begin`. */
export function rangeOfLeaves(begin: bigint, leaves: Uint8Array, hash: Sha256Into): CompactRange {
  const end = begin + BigInt(leaves.length / HASH_BYTES)
  const hasher = new NodeHasher(hash)
  const work = new Uint8Array(leaves)
  const hashes: Uint8Array[] = []
  let at = 0
  for (const level of subtreeLevels(begin, end)) {
    const bytes = 2 ** level * HASH_BYTES
    hashes.push(hasher.reduce(work.subarray(at, at + bytes)))
    at += bytes
  }
  return { begin, end, hashes }
}

/** The compact range of two adjacent ones. @throws RangeError when `right` does not begin where `left` ends. */
export function mergeRanges(left: CompactRange, right: CompactRange, hash: Sha256Into): CompactRange {
  if (left.end !== right.begin)
    throw new RangeError(`Range ends at ${left.end}, next begins at ${right.begin}`)
  const hasher = new NodeHasher(hash)
  const stack: { start: bigint; level: number; hash: Uint8Array }[] = []
  for (const range of [left, right]) {
    let start = range.begin
    const levels = subtreeLevels(range.begin, range.end)
    if (levels.length !== range.hashes.length) throw new RangeError('Range has a wrong number of hashes')
    for (const [index, level] of levels.entries()) {
      const next = range.hashes[index]
      if (next === undefined) throw new RangeError('Range lacks a hash')
      stack.push({ start, level, hash: next })
      start += 1n << BigInt(level)
      fold(stack, hasher)
    }
  }
  return { begin: left.begin, end: right.end, hashes: stack.map((node) => node.hash) }
}

function fold(stack: { start: bigint; level: number; hash: Uint8Array }[], hasher: NodeHasher): void {
  for (;;) {
    const right = stack.at(-1)
    const left = stack.at(-2)
    if (left === undefined || right === undefined || left.level !== right.level) return
    if (left.start % (1n << BigInt(left.level + 1)) !== 0n) return
    stack.length -= 2
    stack.push({ start: left.start, level: left.level + 1, hash: hasher.node(left.hash, right.hash) })
  }
}

/** The root of the tree whose frontier this is; of the empty tree SHA-256(""). */
export function rootOf(frontier: CompactRange, hash: Sha256Into): Uint8Array {
  if (frontier.begin !== 0n) throw new RangeError('Only a range that begins at 0 has a root')
  const hasher = new NodeHasher(hash)
  let root = frontier.hashes.at(-1)
  if (root === undefined) return sha256(hash, new Uint8Array(0))
  for (const left of frontier.hashes.slice(0, -1).reverse()) root = hasher.node(left, root)
  return root
}
