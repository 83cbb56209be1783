/** C2SP checkpoints (https://c2sp.org/tlog-checkpoint): the signed size and root of one partition's tree. */
import { HASH_BYTES, type ProofCrypto, type Sha256Into, type Signer } from './crypto.ts'
import { fromBase64, toBase64 } from './encoding.ts'
import { type NoteFault, openNote, signNote } from './note.ts'

export interface Checkpoint {
  /** The log id, and the name of the key that signs it. */
  readonly origin: string
  readonly size: bigint
  readonly root: Uint8Array
}

export function checkpointText(checkpoint: Checkpoint): string {
  return `${checkpoint.origin}\n${checkpoint.size}\n${toBase64(checkpoint.root)}\n`
}

/** Null where the text is no checkpoint. Extension lines are allowed and left aside. */
export function parseCheckpoint(text: string): Checkpoint | null {
  const lines = text.split('\n')
  if (lines.pop() !== '' || lines.length < 3 || lines.includes('')) return null
  const [origin = '', size = '', root = ''] = lines
  const hash = fromBase64(root)
  if (!/^(0|[1-9][0-9]{0,18})$/.test(size) || hash === null || hash.length !== HASH_BYTES) return null
  return { origin, size: BigInt(size), root: hash }
}

export function signCheckpoint(checkpoint: Checkpoint, signer: Signer, sha256: Sha256Into): string {
  return signNote({ text: checkpointText(checkpoint), keyName: checkpoint.origin, signer, sha256 })
}

export type OpenedCheckpoint =
  | { readonly ok: true; readonly checkpoint: Checkpoint }
  | { readonly ok: false; readonly fault: NoteFault }

/** The checkpoint in `note`, if it is one of `origin` and signed by one of `publicKeys` under that name. */
export function openCheckpoint(o: {
  readonly note: string
  readonly origin: string
  readonly publicKeys: readonly Uint8Array[]
  readonly crypto: ProofCrypto
}): OpenedCheckpoint {
  const opened = openNote({ ...o, keyName: o.origin })
  if (!opened.ok) return opened
  const checkpoint = parseCheckpoint(opened.text)
  if (checkpoint === null || checkpoint.origin !== o.origin) return { ok: false, fault: 'MALFORMED' }
  return { ok: true, checkpoint }
}
