/** Checks of inclusion and consistency proofs, by the algorithms of RFC 9162 §2.1.3.2 and §2.1.4.2. */
import { NodeHasher } from './compact-range.ts'
import { equalBytes, type Sha256Into } from './crypto.ts'

/** True when `leafHash` is leaf `index` of the tree of `size` leaves with this `root`. */
export function verifyInclusion(o: {
  readonly index: bigint
  readonly size: bigint
  readonly leafHash: Uint8Array
  readonly root: Uint8Array
  readonly path: readonly Uint8Array[]
  readonly sha256: Sha256Into
}): boolean {
  if (o.index < 0n || o.index >= o.size) return false
  const hasher = new NodeHasher(o.sha256)
  let [fn, sn] = [o.index, o.size - 1n]
  let hash = o.leafHash
  for (const sibling of o.path) {
    if (sn === 0n) return false
    if (fn % 2n === 1n || fn === sn) {
      hash = hasher.node(sibling, hash)
      while (fn % 2n === 0n && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n]
    } else {
      hash = hasher.node(hash, sibling)
    }
    fn >>= 1n
    sn >>= 1n
  }
  return sn === 0n && equalBytes(hash, o.root)
}

/** True when the tree of `newSize` leaves begins with the leaves of the tree of `oldSize`. */
export function verifyConsistency(o: {
  readonly oldSize: bigint
  readonly newSize: bigint
  readonly oldRoot: Uint8Array
  readonly newRoot: Uint8Array
  readonly path: readonly Uint8Array[]
  readonly sha256: Sha256Into
}): boolean {
  if (o.oldSize < 0n || o.oldSize > o.newSize) return false
  if (o.oldSize === o.newSize) return o.path.length === 0 && equalBytes(o.oldRoot, o.newRoot)
  if (o.oldSize === 0n) return o.path.length === 0
  const path = isPowerOfTwo(o.oldSize) ? [o.oldRoot, ...o.path] : o.path
  const first = path[0]
  if (first === undefined || o.path.length === 0) return false
  const hasher = new NodeHasher(o.sha256)
  let [fn, sn] = [o.oldSize - 1n, o.newSize - 1n]
  while (fn % 2n === 1n) [fn, sn] = [fn >> 1n, sn >> 1n]
  let [old, now] = [first, first]
  for (const hash of path.slice(1)) {
    if (sn === 0n) return false
    if (fn % 2n === 1n || fn === sn) {
      old = hasher.node(hash, old)
      now = hasher.node(hash, now)
      while (fn % 2n === 0n && fn !== 0n) [fn, sn] = [fn >> 1n, sn >> 1n]
    } else {
      now = hasher.node(now, hash)
    }
    fn >>= 1n
    sn >>= 1n
  }
  return sn === 0n && equalBytes(old, o.oldRoot) && equalBytes(now, o.newRoot)
}

function isPowerOfTwo(n: bigint): boolean {
  return n > 0n && (n & (n - 1n)) === 0n
}
