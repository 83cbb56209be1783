/**
 * What the proofs need from the platform. Everything is synchronous, so that a tree can be built in a loop;
 * WebCrypto's SHA-256 is not, so a browser passes an implementation in JavaScript or WebAssembly.
 */

/** Writes the 32 bytes of SHA-256(`data`) into `out` at `at`. `data` and `out` do not overlap. */
export type Sha256Into = (data: Uint8Array, out: Uint8Array, at: number) => void

/** True when `signature` (64 bytes) is the Ed25519 signature (RFC 8032) of `message` under `publicKey` (32 bytes). */
export type VerifyEd25519 = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

/** The same of `parts`, one after the other. */
export type Sha256PartsInto = (parts: readonly Uint8Array[], out: Uint8Array, at: number) => void

export interface ProofCrypto {
  readonly sha256: Sha256Into
  /** Where there is one, large records are hashed without a copy. */
  readonly sha256Parts?: Sha256PartsInto
  readonly verify: VerifyEd25519
}

/** Holds an Ed25519 private key. The same key gives the same signature for the same message (RFC 8032). */
export interface Signer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  /** 64 bytes. */
  sign(message: Uint8Array): Uint8Array
}

export const HASH_BYTES = 32

export function sha256(hash: Sha256Into, data: Uint8Array): Uint8Array {
  const out = new Uint8Array(HASH_BYTES)
  hash(data, out, 0)
  return out
}

/** Not constant in time: everything compared here is public. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
