import { createHash } from 'node:crypto'

/**
 * The tree of RFC 6962, section 2.1, by its recursive definition: plain, and written apart from the product. Roots of
 * whole subtrees (a power of two leaves, at a multiple of their number) never change, so they are kept.
 */
export class MerkleTree {
  readonly #leaves: Buffer[] = []
  readonly #whole = new Map<string, Buffer>()

  add(preimage: Buffer): void {
    this.#leaves.push(createHash('sha256').update(Buffer.of(0)).update(preimage).digest())
  }

  root(): Buffer {
    if (this.#leaves.length === 0) return createHash('sha256').digest()
    return this.#rootOf(0, this.#leaves.length)
  }

  #rootOf(first: number, size: number): Buffer {
    const leaf = this.#leaves[first]
    if (size === 1 && leaf !== undefined) return leaf
    const name = `${first}+${size}`
    const known = this.#whole.get(name)
    if (known !== undefined) return known
    let left = 1
    while (left * 2 < size) left *= 2
    const root = createHash('sha256')
      .update(Buffer.of(1))
      .update(this.#rootOf(first, left))
      .update(this.#rootOf(first + left, size - left))
      .digest()
    if (left * 2 === size && first % size === 0) this.#whole.set(name, root)
    return root
  }
}
