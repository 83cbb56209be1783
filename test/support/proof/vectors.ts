import { createHash, createPrivateKey } from 'node:crypto'
import { signCheckpoint } from '../../../proof/checkpoint.ts'
import { emptyFrontier, rangeOfLeaves, rootOf } from '../../../proof/compact-range.ts'
import { HASH_BYTES, type Signer } from '../../../proof/crypto.ts'
import { LeafHasher, type LeafRecord } from '../../../proof/leaf.ts'
import { nodeCrypto, signerFromPem } from '../../../proof/node.ts'
import { signNote, verifierKey } from '../../../proof/note.ts'
import { objectNoteText } from '../../../proof/object-note.ts'
import { TreeView } from '../../../proof/tree-view.ts'

export const VECTOR_LOG =
  'acme/test/MkU3OEVBNTcwNTJENDM2Qg/audit.events.standard/5a1d3c1e-30a4-4c6e-9a55-0c6e2f0b7d11/3'

/** A signer whose key anyone can derive: for vectors only. */
export function vectorSigner(): Signer {
  const seed = createHash('sha256').update('daybook test vectors').digest()
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return signerFromPem(key.export({ format: 'pem', type: 'pkcs8' }).toString())
}

/** Record `i` of the vectors' log: all combinations of null, empty and filled key and value, and an offset beyond 2^53. */
export function vectorRecord(i: number): LeafRecord {
  const forms = [null, new Uint8Array(0), Buffer.from(`bytes-${i}`)]
  return {
    offset: i === 16 ? 9_007_199_254_740_993n : BigInt(i),
    appendTime: i === 15 ? -1 : 1_795_000_000_000 + i,
    key: forms[i % 3] ?? null,
    value: forms[Math.floor(i / 3) % 3] ?? null,
  }
}

export const VECTOR_SIZE = 17

export function vectorLeaves(count = VECTOR_SIZE): Uint8Array {
  const hasher = new LeafHasher({ logId: VECTOR_LOG, sha256: nodeCrypto.sha256 })
  const leaves = new Uint8Array(count * HASH_BYTES)
  for (let i = 0; i < count; i++) hasher.hashInto(vectorRecord(i), leaves, i * HASH_BYTES)
  return leaves
}

export function vectorView(size: number): TreeView {
  return new TreeView({
    frontier: emptyFrontier,
    leaves: vectorLeaves(size),
    sha256: nodeCrypto.sha256,
  })
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

function leafVectors() {
  const hasher = new LeafHasher({ logId: VECTOR_LOG, sha256: nodeCrypto.sha256 })
  const leaves = vectorLeaves()
  return Array.from({ length: VECTOR_SIZE }, (_, i) => {
    const { offset, appendTime, key, value } = vectorRecord(i)
    return {
      offset: String(offset),
      appendTime,
      keyHex: key && hex(key),
      valueHex: value && hex(value),
      entryHex: hex(hasher.entry(vectorRecord(i))),
      leafHash: base64(leaves.subarray(i * HASH_BYTES, (i + 1) * HASH_BYTES)),
    }
  })
}

function treeVectors() {
  return Array.from({ length: VECTOR_SIZE + 1 }, (_, size) => {
    const frontier = rangeOfLeaves(0n, vectorLeaves(size), nodeCrypto.sha256)
    return {
      size,
      root: base64(rootOf(frontier, nodeCrypto.sha256)),
      frontier: frontier.hashes.map(base64),
    }
  })
}

function proofVectors() {
  const inclusion = [
    [0, 1],
    [0, 8],
    [5, 7],
    [16, 17],
    [12, 17],
  ].map(([index = 0, size = 0]) => ({
    index,
    size,
    path: vectorView(size).inclusionProof(BigInt(index)).map(base64),
  }))
  const consistency = [
    [1, 17],
    [6, 8],
    [8, 17],
    [16, 17],
    [7, 15],
  ].map(([oldSize = 0, newSize = 0]) => ({
    oldSize,
    newSize,
    path: vectorView(newSize).consistencyProof(BigInt(oldSize)).map(base64),
  }))
  return { inclusion, consistency }
}

function noteVectors() {
  const signer = vectorSigner()
  const root = vectorView(VECTOR_SIZE).root()
  const checkpoint = { origin: VECTOR_LOG, size: BigInt(VECTOR_SIZE), root }
  const entries = { 'daybook.first': '0', 'avro.codec': 'zstandard', 'daybook.tenants': '["acme"]' }
  const bytes = new Map(Object.entries(entries).map(([name, value]) => [name, Buffer.from(value)]))
  const text = objectNoteText(VECTOR_LOG, bytes, nodeCrypto.sha256)
  return {
    privateSeedOf: 'daybook test vectors',
    publicKeyHex: hex(signer.publicKey),
    verifierKey: verifierKey(VECTOR_LOG, signer.publicKey, nodeCrypto.sha256),
    checkpoint: signCheckpoint(checkpoint, signer, nodeCrypto.sha256),
    object: {
      entries,
      note: signNote({ text, keyName: VECTOR_LOG, signer, sha256: nodeCrypto.sha256 }),
    },
  }
}

/** All vectors, as committed in proof/vectors/v1.json. */
export function makeVectors() {
  return {
    logId: VECTOR_LOG,
    leaves: leafVectors(),
    trees: treeVectors(),
    proofs: proofVectors(),
    notes: noteVectors(),
  }
}
