/** What the engine lets the local server's one user do. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** `migrator` may do everything; `serving` only what the lists of grants say, and the engine refuses the rest. */
export type Role = 'migrator' | 'serving'

const TEMPLATE = fileURLToPath(new URL('users.xml', import.meta.url))
const SERVING_GRANTS = fileURLToPath(new URL('serving-grants.sql', import.meta.url))
const SERVER_ROLES = fileURLToPath(new URL('../../../schemas/sql/roles.sql', import.meta.url))
/** Of a server's roles those that the one user of the engine has. */
const SERVED_ROLES = ['daybook_writer', 'daybook_auditor', 'daybook_operator']

/** Writes the engine's configuration into `dir` and returns its path. */
export async function writeRoleConfig(dir: string, role: Role, grantsFile: string | null): Promise<string> {
  const grants =
    role === 'migrator'
      ? ['GRANT ALL ON *.*']
      : [...(await roleGrants()), ...parseGrants(await readFile(grantsFile ?? SERVING_GRANTS, 'utf8'))]
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

async function roleGrants(): Promise<readonly string[]> {
  const text = await readFile(SERVER_ROLES, 'utf8')
  const ofServed = new RegExp(`\\sTO\\s+(${SERVED_ROLES.join('|')})$`)
  return parseGrants(text, (grant) => ofServed.test(grant))
}

/** Statements end with `;`, comments begin with `--`; a grantee (`TO …`) is dropped: the engine knows one user. */
export function parseGrants(
  text: string,
  wanted: (grant: string) => boolean = () => true,
): readonly string[] {
  const bare = text.replaceAll(/--[^\n]*/g, '')
  const statements = bare.split(';').map((statement) => statement.trim().replaceAll(/\s+/g, ' '))
  const grants = statements.filter((statement) => /^GRANT\s/i.test(statement) && wanted(statement))
  if (grants.length === 0) throw new Error('the list of grants holds no GRANT statement')
  return grants.map((grant) => grant.replace(/\s+TO\s+.*$/i, ''))
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
