/**
 * Proofs out of part of a tree: the frontier before some leaves, and those leaves. That is what one archive object
 * holds, so one object proves each of its records under its own checkpoint. With an empty frontier it is the whole
 * tree.
 */
import { type CompactRange, NodeHasher, rangeOfLeaves, subtreeLevels } from './compact-range.ts'
import { HASH_BYTES, type Sha256Into } from './crypto.ts'

export class TreeView {
  readonly size: bigint
  readonly #known: bigint
  readonly #frontier = new Map<string, Uint8Array>()
  readonly #leaves: Uint8Array
  readonly #hash: Sha256Into
  readonly #nodes: NodeHasher

  /** `leaves`: leaf hashes, concatenated, that follow the leaves of `frontier`. */
  constructor(options: {
    readonly frontier: CompactRange
    readonly leaves: Uint8Array
    readonly sha256: Sha256Into
  }) {
    this.#leaves = options.leaves
    this.#hash = options.sha256
    this.#nodes = new NodeHasher(options.sha256)
    this.#known = options.frontier.end
    this.size = this.#known + BigInt(options.leaves.length / HASH_BYTES)
    let start = 0n
    for (const [index, level] of subtreeLevels(0n, this.#known).entries()) {
      const end = start + (1n << BigInt(level))
      const hash = options.frontier.hashes[index]
      if (hash !== undefined) this.#frontier.set(`${start}-${end}`, hash)
      start = end
    }
  }

  root(): Uint8Array {
    return this.#subtree(0n, this.size)
  }

  /** RFC 6962 §2.1.1, for a leaf that is not part of the frontier. */
  inclusionProof(index: bigint): Uint8Array[] {
    if (index < this.#known || index >= this.size) {
      throw new RangeError(`Leaf ${index} is not among ${this.#known}..${this.size}`)
    }
    const path: Uint8Array[] = []
    let [start, end] = [0n, this.size]
    while (end - start > 1n) {
      const middle = start + splitOf(end - start)
      if (index < middle) {
        path.push(this.#subtree(middle, end))
        end = middle
      } else {
        path.push(this.#subtree(start, middle))
        start = middle
      }
    }
    return path.reverse()
  }

  /** RFC 6962 §2.1.2, from the tree of the first `oldSize` leaves, at least those of the frontier, to this tree. */
  consistencyProof(oldSize: bigint): Uint8Array[] {
    if (oldSize < this.#known || oldSize > this.size) {
      throw new RangeError(`Size ${oldSize} is not among ${this.#known}..${this.size}`)
    }
    if (oldSize === 0n || oldSize === this.size) return []
    const path: Uint8Array[] = []
    let [start, end, whole] = [0n, this.size, true]
    while (oldSize !== end) {
      const middle = start + splitOf(end - start)
      if (oldSize <= middle) {
        path.push(this.#subtree(middle, end))
        end = middle
      } else {
        path.push(this.#subtree(start, middle))
        start = middle
        whole = false
      }
    }
    if (!whole) path.push(this.#subtree(start, end))
    return path.reverse()
  }

  #subtree(start: bigint, end: bigint): Uint8Array {
    const known = this.#frontier.get(`${start}-${end}`)
    if (known !== undefined) return known
    const count = end - start
    if (start >= this.#known && (count & (count - 1n)) === 0n) {
      const from = Number(start - this.#known) * HASH_BYTES
      const leaves = this.#leaves.subarray(from, from + Number(count) * HASH_BYTES)
      // A subtree of an RFC 6962 tree is a tree of its own, whatever its place: counted from 0 it is one perfect node.
      const [root] = rangeOfLeaves(0n, leaves, this.#hash).hashes
      if (root !== undefined) return root
    }
    if (count <= 1n) throw new RangeError(`Leaf ${start} is hidden behind the frontier`)
    const middle = start + splitOf(count)
    return this.#nodes.node(this.#subtree(start, middle), this.#subtree(middle, end))
  }
}

/** The largest power of two below `count`. */
function splitOf(count: bigint): bigint {
  return 1n << BigInt((count - 1n).toString(2).length - 1)
}
