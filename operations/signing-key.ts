import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateSigningKey } from '../proof/node.ts'

/** The local archive's sample key, made at the first start. Returns the file of the private half. */
export function ensureSigningKey(dataDir: string): string {
  const directory = join(dataDir, 'keys')
  const file = join(directory, 'worker.key')
  if (existsSync(file)) return file
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  const { privatePem, publicPem } = generateSigningKey()
  writeFileSync(join(directory, 'worker.pub'), publicPem)
  writeFileSync(file, privatePem, { mode: 0o600 })
  return file
}
