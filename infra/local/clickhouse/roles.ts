/** What the engine lets the face's one user do. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** `migrator` may do everything; `serving` only what the list of grants says, and the engine refuses the rest. */
export type Role = 'migrator' | 'serving'

const TEMPLATE = fileURLToPath(new URL('users.xml', import.meta.url))
const SERVING_GRANTS = fileURLToPath(new URL('serving-grants.sql', import.meta.url))

/** Writes the engine's configuration into `dir` and returns its path. */
export async function writeRoleConfig(dir: string, role: Role, grantsFile: string | null): Promise<string> {
  const grants =
    role === 'migrator'
      ? ['GRANT ALL ON *.*']
      : parseGrants(await readFile(grantsFile ?? SERVING_GRANTS, 'utf8'))
  const template = await readFile(TEMPLATE, 'utf8')
  const usersFile = join(dir, 'users.xml')
  const configFile = join(dir, 'config.xml')
  await writeFile(
    usersFile,
    template.replace(
      '<!-- grants -->',
      grants.map((grant) => `<query>${xml(grant)}</query>`).join('\n        '),
    ),
  )
  await writeFile(
    configFile,
    `<clickhouse>\n  <users_config>${xml(usersFile)}</users_config>\n</clickhouse>\n`,
  )
  return configFile
}

/** Statements end with `;`, comments begin with `--`; a grantee (`TO …`) is dropped: the engine knows one user. */
export function parseGrants(text: string): readonly string[] {
  const bare = text.replaceAll(/--[^\n]*/g, '')
  const statements = bare.split(';').map((statement) => statement.trim().replaceAll(/\s+/g, ' '))
  const grants = statements.filter((statement) => /^GRANT\s/i.test(statement))
  if (grants.length === 0) throw new Error('the list of grants holds no GRANT statement')
  return grants.map((grant) => grant.replace(/\s+TO\s+.*$/i, ''))
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
