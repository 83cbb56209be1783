/** The bindings to Node's own crypto: the only file of this folder that a browser cannot load. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import type { ProofCrypto, Signer } from './crypto.ts'

// DER of a SubjectPublicKeyInfo with an Ed25519 key, up to the 32 raw bytes (RFC 8410 §4).
const SPKI_PREFIX = Buffer.from('302a300506032b6570032100', 'hex')

/**
 * A digest as a one-byte-a-character string costs 0.3 µs, as a Buffer 1.4 µs: most of a small hash is the
 * allocation of the result.
 */
export const nodeCrypto: ProofCrypto = {
  sha256: (data, out, at) => put(hash('sha256', data, 'binary'), out, at),
  sha256Parts: (parts, out, at) => {
    const whole = createHash('sha256')
    for (const part of parts) whole.update(part)
    put(whole.digest('binary'), out, at)
  },
  verify: (publicKey, message, signature) => {
    if (publicKey.length !== 32 || signature.length !== 64) return false
    const key = createPublicKey({ key: Buffer.concat([SPKI_PREFIX, publicKey]), format: 'der', type: 'spki' })
    return verify(null, message, key, signature)
  },
}

function put(digest: string, out: Uint8Array, at: number): void {
  if (out instanceof Buffer) out.write(digest, at, 'binary')
  else for (let i = 0; i < 32; i++) out[at + i] = digest.charCodeAt(i)
}

function rawPublicKey(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ format: 'der', type: 'spki' }).subarray(SPKI_PREFIX.length))
}

/**
 * A signer out of a private key in PEM (PKCS #8).
 * @throws TypeError when the text is no private key or no Ed25519 key; the message never holds the key.
 */
export function signerFromPem(pem: string): Signer {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch (cause) {
    throw new TypeError('The signing key is not a private key in PEM (PKCS #8).', { cause })
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new TypeError(
      `The signing key is ${key.asymmetricKeyType ?? 'of an unknown type'}; Ed25519 is needed.`,
    )
  }
  return {
    publicKey: rawPublicKey(createPublicKey(key)),
    sign: (message) => new Uint8Array(sign(null, message, key)),
  }
}

/** The 32 raw bytes of an Ed25519 public key in PEM (SubjectPublicKeyInfo). */
export function publicKeyFromPem(pem: string): Uint8Array {
  const key = createPublicKey(pem)
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('The public key is not an Ed25519 key.')
  return rawPublicKey(key)
}

/**
 * The public keys of a text that holds one PEM block after another; what stands between them is left out.
 * @throws TypeError when it holds none, or one that is no Ed25519 public key.
 */
export function publicKeysFromPem(pem: string): readonly Uint8Array[] {
  const blocks = pem.match(/-----BEGIN [^-]+-----[^-]*-----END [^-]+-----/g) ?? []
  if (blocks.length === 0) throw new TypeError('There is no public key in PEM.')
  if (blocks.some((block) => block.includes('PRIVATE KEY'))) {
    throw new TypeError('A private key stands among the public keys.')
  }
  return blocks.map(publicKeyFromPem)
}

/** A new Ed25519 key pair in PEM: PKCS #8 for the worker, SubjectPublicKeyInfo for whoever verifies. */
export function generateSigningKey(): { readonly privatePem: string; readonly publicPem: string } {
  const pair = generateKeyPairSync('ed25519')
  return {
    privatePem: pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    publicPem: pair.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  }
}
