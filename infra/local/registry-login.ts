import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Who may register and change schemas. Everybody may read them. */
export interface RegistryLogin {
  readonly username: string
  readonly password: string
}

const USERNAME = 'registrar'

/** The local registry's login, made at the first start; its file is readable for its owner only. */
export function ensureRegistryLogin(dataDir: string): RegistryLogin {
  const directory = join(dataDir, 'keys')
  const file = join(directory, 'registrar.password')
  if (!existsSync(file)) {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    writeFileSync(file, `${randomBytes(24).toString('base64url')}\n`, { mode: 0o600 })
  }
  return { username: USERNAME, password: readFileSync(file, 'utf8').trim() }
}
