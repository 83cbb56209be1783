import { readFileSync } from 'node:fs'
import { readSigningKey } from '../../consumers/archive-keys.ts'
import { publicKeyFromPem } from '../../proof/node.ts'
import type { Environment } from '../../runtime/config.ts'
import { resolveConfiguration } from '../configuration.ts'
import { usageError } from '../usage.ts'

/**
 * The keys whose signatures count: those of the files, else the public half of the signing key that is configured
 * here. @throws DaybookError DAYBOOK_CLI_USAGE when there is neither, or a file holds no key; DAYBOOK_CONFIG_INVALID
 */
export function publicKeys(env: Environment, files: readonly string[]): readonly Uint8Array[] {
  if (files.length > 0) return files.map((file) => read(`--public-key ${file}`, file, publicKeyFromPem))
  const signingKey = resolveConfiguration(env).env['DAYBOOK_SIGNING_KEY_FILE']
  if (signingKey !== undefined && signingKey !== '') return [readSigningKey(signingKey).publicKey]
  throw usageError(
    '--public-key',
    'is needed: the PEM file of the public key of the worker that wrote the archive',
  )
}

function read(what: string, file: string, parse: (pem: string) => Uint8Array): Uint8Array {
  try {
    return parse(readFileSync(file, 'utf8'))
  } catch {
    throw usageError(what, 'cannot be read as an Ed25519 key in PEM')
  }
}
