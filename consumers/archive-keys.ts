import type { Signer } from '../proof/crypto.ts'
import { publicKeysFromPem, signerFromPem } from '../proof/node.ts'
import { readConfigFile } from '../runtime/config-file.ts'
import type { ColdConfig } from '../runtime/worker-config.ts'

/** What signs in the archive, and whose objects there count besides. */
export interface ArchiveKeys {
  readonly signer: Signer
  /** Ed25519, raw. */
  readonly trustedKeys: readonly Uint8Array[]
}

/** The keys of the files that a configuration names. @throws DaybookError DAYBOOK_CONFIG_INVALID */
export function readArchiveKeys({
  signingKeyFile,
  trustedKeysFile = null,
}: Pick<ColdConfig, 'signingKeyFile'> & Partial<Pick<ColdConfig, 'trustedKeysFile'>>): ArchiveKeys {
  return { signer: readSigningKey(signingKeyFile), trustedKeys: readTrustedKeys(trustedKeysFile) }
}

/** @throws DaybookError DAYBOOK_CONFIG_INVALID */
export function readSigningKey(file: string): Signer {
  return readConfigFile({
    env: 'DAYBOOK_SIGNING_KEY_FILE',
    file,
    holds: 'an Ed25519 private key in PEM (PKCS #8)',
    remedy:
      'A new one is made by `openssl genpkey -algorithm ed25519`; keep its public half for whoever verifies.',
    parse: signerFromPem,
  })
}

function readTrustedKeys(file: string | null): readonly Uint8Array[] {
  if (file === null) return []
  return readConfigFile({
    env: 'DAYBOOK_TRUSTED_KEYS_FILE',
    file,
    holds: 'Ed25519 public keys in PEM, one after another',
    remedy:
      'The public half of a key is shown by `openssl pkey -pubout -in <key>`; unset the variable where there is no earlier worker.',
    parse: publicKeysFromPem,
  })
}
