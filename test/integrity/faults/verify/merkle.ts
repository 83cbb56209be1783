import { createHash } from 'node:crypto'

/** The tree of RFC 6962, section 2.1, by its recursive definition: slow, plain, and written apart from the product. */
export function merkleRoot(leafHashes: readonly Buffer[]): Buffer {
  if (leafHashes.length === 0) return createHash('sha256').digest()
  const only = leafHashes[0]
  if (leafHashes.length === 1 && only !== undefined) return only
  let split = 1
  while (split * 2 < leafHashes.length) split *= 2
  return createHash('sha256')
    .update(Buffer.of(1))
    .update(merkleRoot(leafHashes.slice(0, split)))
    .update(merkleRoot(leafHashes.slice(split)))
    .digest()
}

export function leafHash(preimage: Buffer): Buffer {
  return createHash('sha256').update(Buffer.of(0)).update(preimage).digest()
}
