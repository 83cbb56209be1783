/**
 * C2SP signed notes (https://c2sp.org/signed-note) with Ed25519 keys.
 *
 *   note = text "\n" 1*("— " key name " " base64(key id signature) "\n")
 *   key id = SHA-256(key name "\n" 0x01 public key)[:4]
 */
import { equalBytes, type ProofCrypto, type Sha256Into, type Signer, sha256 } from './crypto.ts'
import { fromBase64, toBase64, toUtf8 } from './encoding.ts'

const ED25519 = 0x01
const MAX_SIGNATURES = 100

export type NoteFault =
  /** Not the form of a signed note. */
  | 'MALFORMED'
  /** No signature by a trusted key under the expected name. */
  | 'UNSIGNED'
  /** A signature that claims to be by a trusted key is none. */
  | 'BAD_SIGNATURE'

export type OpenedNote =
  | { readonly ok: true; readonly text: string; readonly publicKey: Uint8Array }
  | { readonly ok: false; readonly fault: NoteFault }

export function isKeyName(name: string): boolean {
  return name !== '' && name.isWellFormed() && !/[\s+\p{Cc}]/u.test(name)
}

export function keyId(name: string, publicKey: Uint8Array, hash: Sha256Into): Uint8Array {
  const head = toUtf8(`${name}\n`)
  const bytes = new Uint8Array(head.length + 1 + publicKey.length)
  bytes.set(head)
  bytes[head.length] = ED25519
  bytes.set(publicKey, head.length + 1)
  return sha256(hash, bytes).slice(0, 4)
}

/** The key in the form that Go's note package and witnesses take: `name+id+base64(0x01 key)`. */
export function verifierKey(name: string, publicKey: Uint8Array, hash: Sha256Into): string {
  const id = Array.from(keyId(name, publicKey, hash), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${name}+${id}+${toBase64(Uint8Array.of(ED25519, ...publicKey))}`
}

function isNoteText(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the format forbids.
  return text.endsWith('\n') && text.isWellFormed() && !/[\u0000-\u0009\u000b-\u001f]/.test(text)
}

/** @throws TypeError when the text or the name cannot stand in a note. */
export function signNote(o: {
  readonly text: string
  readonly keyName: string
  readonly signer: Signer
  readonly sha256: Sha256Into
}): string {
  if (!isNoteText(o.text))
    throw new TypeError('A note is well-formed text without control characters, ended by a newline')
  if (!isKeyName(o.keyName))
    throw new TypeError('A key name is not empty and has no white space and no plus sign')
  const signature = o.signer.sign(toUtf8(o.text))
  const id = keyId(o.keyName, o.signer.publicKey, o.sha256)
  return `${o.text}\n— ${o.keyName} ${toBase64(Uint8Array.of(...id, ...signature))}\n`
}

/**
 * The text of a note, if one of `publicKeys` signed it under `keyName`. Signatures by keys that are not asked for
 * are left aside; a wrong signature under an asked-for key id makes the note bad even if another one is right.
 */
export function openNote(o: {
  readonly note: string
  readonly keyName: string
  readonly publicKeys: readonly Uint8Array[]
  readonly crypto: ProofCrypto
}): OpenedNote {
  const parsed = parseNote(o.note)
  if (parsed === null) return { ok: false, fault: 'MALFORMED' }
  const message = toUtf8(parsed.text)
  let signedBy: Uint8Array | null = null
  for (const line of parsed.signatures) {
    if (line.name !== o.keyName) continue
    for (const publicKey of o.publicKeys) {
      if (!equalBytes(line.id, keyId(o.keyName, publicKey, o.crypto.sha256))) continue
      if (!o.crypto.verify(publicKey, message, line.signature)) return { ok: false, fault: 'BAD_SIGNATURE' }
      signedBy ??= publicKey
    }
  }
  if (signedBy === null) return { ok: false, fault: 'UNSIGNED' }
  return { ok: true, text: parsed.text, publicKey: signedBy }
}

interface SignatureLine {
  readonly name: string
  readonly id: Uint8Array
  readonly signature: Uint8Array
}

function parseNote(note: string): { text: string; signatures: SignatureLine[] } | null {
  if (!isNoteText(note)) return null
  const split = note.lastIndexOf('\n\n')
  if (split < 0) return null
  const lines = note.slice(split + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) return null
  const signatures: SignatureLine[] = []
  for (const line of lines) {
    const match = /^— ([^ ]+) ([^ ]+)$/.exec(line)
    const [name, bytes] = [match?.[1] ?? '', fromBase64(match?.[2] ?? '')]
    if (!isKeyName(name) || bytes === null || bytes.length < 5) return null
    signatures.push({ name, id: bytes.subarray(0, 4), signature: bytes.subarray(4) })
  }
  return { text: note.slice(0, split + 1), signatures }
}
