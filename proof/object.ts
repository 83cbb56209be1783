/** Verification of one archive object: is it signed, whole, and does its tree follow from its records? */
import { openCheckpoint } from './checkpoint.ts'
import { type CompactRange, mergeRanges, rangeOfLeaves, rootOf, subtreeLevels } from './compact-range.ts'
import { equalBytes, HASH_BYTES, type ProofCrypto, sha256 } from './crypto.ts'
import { LeafHasher, type LeafRecord } from './leaf.ts'
import { type NoteFault, openNote } from './note.ts'
import { objectNoteText } from './object-note.ts'

/** The fields of an object's header that the proof depends on. */
export interface ObjectClaims {
  readonly logId: string
  readonly first: bigint
  readonly last: bigint
  readonly gaps: readonly { readonly first: bigint; readonly last: bigint }[]
  readonly treeSize: bigint
  readonly frontier: readonly Uint8Array[]
  readonly ownRange: readonly Uint8Array[]
  readonly root: Uint8Array
  readonly dataSha256: Uint8Array
}

export interface ObjectEvidence {
  readonly claims: ObjectClaims
  /** Every entry of the header but the two notes. */
  readonly signed: ReadonlyMap<string, Uint8Array>
  readonly checkpointNote: string
  readonly objectNote: string
}

export type ObjectFault =
  | { readonly part: 'object note' | 'checkpoint'; readonly fault: NoteFault | 'CONTRADICTS_HEADER' }
  | { readonly part: 'data'; readonly fault: 'ALTERED' }
  | { readonly part: 'records'; readonly fault: 'NOT_COVERING_RANGE' | 'NOT_IN_TREE' }
  | { readonly part: 'tree'; readonly fault: 'WRONG_ROOT' | 'MALFORMED' }

export type ObjectVerdict =
  | {
      readonly ok: true
      /** Leaf hashes of the records, concatenated. */
      readonly leaves: Uint8Array
      /** The tree's frontier after this object. */
      readonly frontier: CompactRange
    }
  | { readonly ok: false; readonly fault: ObjectFault }

/** Checks the signatures of an object's header, and that they cover this header. */
export function verifyHeader(
  o: ObjectEvidence & {
    readonly logId: string
    readonly publicKeys: readonly Uint8Array[]
    readonly crypto: ProofCrypto
  },
): ObjectFault | null {
  const { crypto, publicKeys, logId, claims } = o
  const object = openNote({ note: o.objectNote, keyName: logId, publicKeys, crypto })
  if (!object.ok) return { part: 'object note', fault: object.fault }
  if (claims.logId !== logId || object.text !== objectNoteText(logId, o.signed, crypto.sha256)) {
    return { part: 'object note', fault: 'CONTRADICTS_HEADER' }
  }
  const checkpoint = openCheckpoint({ note: o.checkpointNote, origin: logId, publicKeys, crypto })
  if (!checkpoint.ok) return { part: 'checkpoint', fault: checkpoint.fault }
  const { size, root } = checkpoint.checkpoint
  const own = subtreeCount(claims)
  if (!equalBytes(root, claims.root) || own === null || size !== claims.treeSize + own) {
    return { part: 'checkpoint', fault: 'CONTRADICTS_HEADER' }
  }
  return null
}

/**
 * Checks an object as a whole: header, data, that records and gaps cover the range exactly, and that the root is
 * that of the tree before, grown by these records. That the tree before is the right one is for the caller to see
 * (the previous object's frontier, or an init object at size 0).
 */
export function verifyObject(
  o: ObjectEvidence & {
    readonly logId: string
    readonly data: Uint8Array
    readonly records: Iterable<LeafRecord>
    readonly publicKeys: readonly Uint8Array[]
    readonly crypto: ProofCrypto
  },
): ObjectVerdict {
  const { claims, crypto } = o
  const fault = verifyHeader(o)
  if (fault !== null) return { ok: false, fault }
  if (!equalBytes(sha256(crypto.sha256, o.data), claims.dataSha256)) {
    return { ok: false, fault: { part: 'data', fault: 'ALTERED' } }
  }
  const covered = hashRange(claims, o.records, crypto)
  if (covered === null) return { ok: false, fault: { part: 'records', fault: 'NOT_COVERING_RANGE' } }
  return verifyTree(claims, covered, crypto)
}

function verifyTree(claims: ObjectClaims, leaves: Uint8Array, crypto: ProofCrypto): ObjectVerdict {
  const own = rangeOfLeaves(claims.treeSize, leaves, crypto.sha256)
  const same =
    own.hashes.length === claims.ownRange.length &&
    own.hashes.every((hash, i) => equalBytes(hash, claims.ownRange[i] ?? hash.subarray(1)))
  if (!same) return { ok: false, fault: { part: 'records', fault: 'NOT_IN_TREE' } }
  const before: CompactRange = { begin: 0n, end: claims.treeSize, hashes: claims.frontier }
  if (subtreeLevels(0n, claims.treeSize).length !== claims.frontier.length) {
    return { ok: false, fault: { part: 'tree', fault: 'MALFORMED' } }
  }
  const frontier = mergeRanges(before, own, crypto.sha256)
  if (!equalBytes(rootOf(frontier, crypto.sha256), claims.root)) {
    return { ok: false, fault: { part: 'tree', fault: 'WRONG_ROOT' } }
  }
  return { ok: true, leaves, frontier }
}

/** Offsets of the range that are not in a gap: each must be a record. Null where the gaps leave nothing. */
function subtreeCount(claims: ObjectClaims): bigint | null {
  let count = claims.last - claims.first + 1n
  for (const gap of claims.gaps) count -= gap.last - gap.first + 1n
  return count > 0n ? count : null
}

/** The leaf hashes, or null where records and gaps do not cover first..last one after the other. */
function hashRange(
  claims: ObjectClaims,
  records: Iterable<LeafRecord>,
  crypto: ProofCrypto,
): Uint8Array | null {
  const hasher = new LeafHasher({ ...crypto, logId: claims.logId })
  const count = subtreeCount(claims)
  if (count === null || count > 2n ** 26n) return null
  const leaves = new Uint8Array(Number(count) * HASH_BYTES)
  let [next, at, gapIndex] = [claims.first, 0, 0]
  const skipGaps = () => {
    for (
      let gap = claims.gaps[gapIndex];
      gap?.first === next && gap.last >= gap.first;
      gap = claims.gaps[++gapIndex]
    ) {
      next = gap.last + 1n
    }
  }
  for (const record of records) {
    skipGaps()
    if (record.offset !== next || at === leaves.length) return null
    hasher.hashInto(record, leaves, at)
    at += HASH_BYTES
    next++
  }
  skipGaps()
  return at === leaves.length && next === claims.last + 1n && gapIndex === claims.gaps.length ? leaves : null
}
